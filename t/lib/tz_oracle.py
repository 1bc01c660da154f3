#!/usr/bin/env python3

"""Time zones as Python's zoneinfo knows them, against src/limit.

    tz_oracle.py PROGRAM       TAP; PROGRAM is made of t/limit/tz.c

Asked are, from 1970 to 2100: the offset before, at and after every change,
and at an odd moment of every day; when every date begins; local dates; and
the calendar windows around changes and at moments by chance.
"""

import bisect
import datetime
import random
import subprocess
import sys
import zoneinfo

ROOT = '/usr/share/zoneinfo'

ZONES = '''
    Africa/Cairo Africa/Casablanca Africa/Juba Africa/Monrovia America/Asuncion
    America/Chicago America/Godthab America/Havana America/New_York
    America/Santiago America/Sao_Paulo America/Scoresbysund America/St_Johns
    Antarctica/Casey Antarctica/Troll Asia/Amman Asia/Beirut Asia/Dhaka
    Asia/Gaza Asia/Jerusalem Asia/Kathmandu Asia/Kolkata Asia/Manila
    Asia/Pyongyang Asia/Shanghai Asia/Tehran Asia/Tokyo Australia/Lord_Howe
    Australia/Sydney Europe/Berlin Europe/Dublin Europe/Istanbul Europe/Lisbon
    Europe/London Europe/Moscow Europe/Volgograd Pacific/Apia Pacific/Auckland
    Pacific/Chatham Pacific/Easter Pacific/Honolulu Pacific/Kiritimati
    Pacific/Kwajalein EST EST5EDT MET Etc/GMT+12 Etc/GMT-14 UTC -
'''.split()

UTC = datetime.timezone.utc
EPOCH = datetime.date(1970, 1, 1).toordinal()
DAYS = range(0, datetime.date(2100, 1, 1).toordinal() - EPOCH)
DAY = 86400


class Zone:
    def __init__(self, name):
        self.tz = UTC if name == '-' else zoneinfo.ZoneInfo(name)
        self.starts = [self.midnight(day) for day in range(-40, len(DAYS) + 40)]

    def offset(self, at):
        when = datetime.datetime.fromtimestamp(at, self.tz)
        return round(when.utcoffset().total_seconds())

    def change(self, low, high):
        """the moment in low < at <= high from which high's offset is"""

        after = self.offset(high)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == after:
                high = middle
            else:
                low = middle
        return high

    def midnight(self, day):
        date = datetime.date.fromordinal(EPOCH + day)
        when = datetime.datetime(date.year, date.month, date.day,
                                 tzinfo=self.tz)
        at = round(when.timestamp())
        back = datetime.datetime.fromtimestamp(at, self.tz)
        if back.replace(tzinfo=None) == when.replace(tzinfo=None):
            return at

        # in a gap: it ends at the change between the two readings
        other = round(when.replace(fold=1).timestamp())
        return self.change(min(at, other), max(at, other))

    def windows(self):
        days = range(-40, len(DAYS) + 40)
        firsts = {
            'd': days,
            'w': [d for d in days if (d + 3) % 7 == 0],
            'month': [d for d in days
                      if datetime.date.fromordinal(EPOCH + d).day == 1],
        }
        return {period: [self.starts[d + 40] for d in first]
                for period, first in firsts.items()}

    def questions(self):
        windows = self.windows()
        rand = random.Random(7)
        asked, want = [], []

        def ask(question, answer):
            asked.append(question)
            want.append(str(answer))

        moments = []
        last = self.offset(0)

        for day in DAYS:
            at = day * DAY + 43211
            offset = self.offset(at)
            ask(f'o {at}', offset)
            if offset != last:
                change = self.change(at - DAY, at)
                moments += [change - 1, change, change + 1]
            last = offset

            date = datetime.date.fromordinal(EPOCH + day)
            ask(f'm {date.year} {date.month} {date.day}',
                self.starts[day + 40])

            # the same, carried over
            if day % 37 == 0:
                ask(f'm {date.year - 1} {date.month + 12} {date.day}',
                    self.starts[day + 40])
                ask(f'm {date.year} {date.month + 1} '
                    f'{date.day - days_of(date)}', self.starts[day + 40])

        self.changes = len(moments) // 3
        moments += [at + n for at in moments
                    for n in (-3601, -1800, 1800, 3601, 7200, DAY)]
        moments += [rand.randrange(0, len(DAYS) * DAY) for _ in range(400)]

        for at in moments:
            when = datetime.datetime.fromtimestamp(at, self.tz)
            ask(f'o {at}', self.offset(at))
            ask(f'd {at}', f'{when.year} {when.month} {when.day} '
                f'{when.weekday()}')
            for period, starts in windows.items():
                if 0 <= at < (len(DAYS) - 40) * DAY:
                    n = bisect.bisect_right(starts, at)
                    ask(f'c {period} {at}', f'{starts[n - 1]} {starts[n]}')

        return asked, want


def days_of(date):
    following = date.replace(day=28) + datetime.timedelta(days=4)
    return (following - datetime.timedelta(days=following.day)).day


def main():
    program, = sys.argv[1:]
    zoneinfo.reset_tzpath([ROOT])
    bad = 0

    print(f'1..{len(ZONES)}')

    for n, name in enumerate(ZONES, 1):
        zone = Zone(name)
        asked, want = zone.questions()
        run = subprocess.run([program, '-' if name == '-'
                              else f'{ROOT}/{name}'],
                             input='\n'.join(asked) + '\n', text=True,
                             stdout=subprocess.PIPE, check=False)
        got = run.stdout.split('\n')[:-1]
        wrong = [(q, w, g) for q, w, g in zip(asked, want, got) if w != g]
        fine = run.returncode == 0 and len(got) == len(want) and not wrong
        bad += not fine

        print(f'{"" if fine else "not "}ok {n} - {name}: {len(asked)} '
              f'answers, {zone.changes} changes', flush=True)
        for question, expected, answer in wrong[:5]:
            print(f'# {question}: {answer}, not {expected}')
        if not fine and not wrong:
            print(f'# exit status {run.returncode}, {len(got)} answers')

    sys.exit(bad != 0)


main()
