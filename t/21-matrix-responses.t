#!/usr/bin/perl

# The recorded answers of all providers, as clients of
# OpenAI's Responses, with OpenAI's SDK, see them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Matrix;

matrix('responses');
