// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// dumped is what a failed trial leaves beside its journals: one file for each, by kubectl.
var dumped = map[string]string{
	"objects.yaml": "get adb,adbo,pods,pvc,leases,services,endpointslices,poddisruptionbudgets -o yaml",
	"events.txt":   "get events --sort-by=.metadata.creationTimestamp",
	"members.log": "logs -l atlasdb.io/component=member --all-containers --prefix --timestamps --tail=-1 " +
		"--max-log-requests=20 --ignore-errors",
	"members-before.log": "logs -l atlasdb.io/component=member -c engine --prefix --timestamps --tail=-1 --previous " +
		"--max-log-requests=20 --ignore-errors",
	"operator.log": "logs -n atlasdb-system -l app.kubernetes.io/name=atlasdb-operator --prefix --timestamps --tail=2000",
	"nodes.txt":    "get nodes,pods -A -o wide",
}

// dump writes down what is in the namespace. What cannot be had is left out: the trial has failed for its own reason.
func (db *database) dump(ctx context.Context, folder string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for name, args := range dumped {
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return
		}
		command := exec.CommandContext(ctx, os.Getenv("KUBECTL"), append([]string{"--namespace=" + db.ns},
			strings.Fields(args)...)...)
		command.Stdout, command.Stderr = file, file
		_ = command.Run()
		_ = file.Close()
	}
}
