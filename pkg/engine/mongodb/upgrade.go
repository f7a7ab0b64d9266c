// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// series are the versions that AtlasDB runs, each reached in place from the one before it alone
// (https://www.mongodb.com/docs/manual/release-notes/8.0-upgrade-replica-set/). The name of a series is also the
// feature compatibility version that a set of it ends up with.
var series = []string{"6.0", "7.0", "8.0"}

// SeriesOf gives the series of a build: "8.0" of "8.0.13". A version that names no minor is of the first: "8" is "8.0".
func SeriesOf(build string) (name string, known bool) {
	parts := strings.Split(build, ".")
	if len(parts) == 1 {
		parts = append(parts, "0")
	}
	name = parts[0] + "." + parts[1]
	return name, slices.Contains(series, name)
}

// confirmedSince is the first major version whose setFeatureCompatibilityVersion wants confirm: true
// (https://www.mongodb.com/docs/manual/reference/command/setFeatureCompatibilityVersion/).
const confirmedSince = 7

// NeedsConfirmation says whether a server of a build raises the feature compatibility version only when it is told that
// a way back may need the vendor's support.
func NeedsConfirmation(build string) bool {
	major, _, _ := strings.Cut(build, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= confirmedSince
}

// Raise is the feature compatibility version to raise a set to: that of the plan's build, when every server that the
// plan has was seen with that series, and the set's is older. It is never lowered, and "" means that nothing is to do.
// For how long the servers must have been seen so is the caller's to count (Upgrade.Soak).
func Raise(build, current string, running []string) string {
	wanted, known := SeriesOf(build)
	if !known || slices.Index(series, current) >= slices.Index(series, wanted) || len(running) == 0 {
		return ""
	}
	for _, version := range running {
		if s, _ := SeriesOf(version); s != wanted {
			return ""
		}
	}
	return wanted
}

// Upgrade is what agents need for raising the feature compatibility version.
type Upgrade struct {
	// SoakSeconds is for how long all members must have run a version before its features may be used, which no older
	// version understands.
	SoakSeconds int64 `json:"soakSeconds"`
}

// defaultSoakSeconds is the default of the API: a day.
const defaultSoakSeconds = 86400

func upgradeOf(spec *v1alpha1.DatabaseClusterSpec) Upgrade {
	if spec.MongoDB == nil || spec.MongoDB.FeatureCompatibility.SoakSeconds == nil {
		return Upgrade{SoakSeconds: defaultSoakSeconds}
	}
	return Upgrade{SoakSeconds: *spec.MongoDB.FeatureCompatibility.SoakSeconds}
}

// Soak is SoakSeconds as a duration.
func (u Upgrade) Soak() time.Duration { return time.Duration(u.SoakSeconds) * time.Second }

// String renders UpgradeFile.
func (u Upgrade) String() string {
	encoded, err := json.Marshal(u)
	if err != nil {
		panic("plain data, yet encoding it failed: " + err.Error())
	}
	return string(encoded) + "\n"
}

// ParseUpgrade reads UpgradeFile; a plan of an operator that wrote none has the default.
func ParseUpgrade(content string) (Upgrade, error) {
	u := Upgrade{SoakSeconds: defaultSoakSeconds}
	if content == "" {
		return u, nil
	}
	if err := json.Unmarshal([]byte(content), &u); err != nil {
		return Upgrade{}, fmt.Errorf("reading %s: %w", UpgradeFile, err)
	}
	return u, nil
}
