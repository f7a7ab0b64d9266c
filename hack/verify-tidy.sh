#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Fails when go.mod or go.sum of any module does not say exactly what its code needs.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0
for module in . hack/tools hack/localkube; do
  if ! go -C "$module" mod tidy -diff; then
    echo "$module/go.mod is not tidy. Run: go -C $module mod tidy" >&2
    status=1
  fi
done
exit "$status"
