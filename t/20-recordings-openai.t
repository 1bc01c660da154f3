#!/usr/bin/perl

# All recorded answers of OpenAI, fetched with the OpenAI SDK through the
# gateway; streams are cut into bytes, random pieces and events.
# Bytes go through: beside what the SDK sees, the texts are compared.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Recordings;

replay('openai');
