#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Fails when a Go file or a script of ours does not begin with the two lines of hack/boilerplate.go.txt (scripts after
# their first line, generated code after its build tags).
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
missing=$(git ls-files --cached --others --exclude-standard -- '*.go' '*.sh' .ci/run | while IFS= read -r file; do
  [[ -e $file ]] || continue
  header=$(head -n 5 "$file")
  [[ $header == *"SPDX-FileCopyrightText: The AtlasDB Authors"*"SPDX-License-Identifier: Apache-2.0"* ]] || echo "$file"
done)
if [[ -n $missing ]]; then
  printf '%s\nNo licence header. Put the lines of hack/boilerplate.go.txt at the top.\n' "$missing" >&2
  exit 1
fi
