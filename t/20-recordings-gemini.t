#!/usr/bin/perl

# All recorded answers of Gemini, fetched with the OpenAI SDK through the
# gateway; streams are cut into bytes, random pieces and events.
# The client's dialect is OpenAI's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Recordings;

replay('gemini');
