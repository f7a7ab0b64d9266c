// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock is CLOCK_BOOTTIME: no time server sets it, and it goes on while the machine sleeps. Both hands of the fence and
// the election count on this one clock.
type Clock struct{}

// Now is the time since the machine was booted.
func (Clock) Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("CLOCK_BOOTTIME cannot be read: " + err.Error()) // Linux has had it since 2.6.39
	}
	return time.Duration(t.Nano())
}

// After is time.After. Its clock stands still while the machine sleeps, so it may be late after that, which does no
// harm: whoever wakes looks at Now again.
func (Clock) After(d time.Duration) <-chan time.Time { return time.After(d) }
