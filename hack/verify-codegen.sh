#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Fails when generated code is not what the types say. Works on a copy, so that a failed check leaves no trace and what
# is not committed yet is checked too.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
GENERATED=(pkg/apis pkg/generated artifacts/crds)

COPY=$(mktemp -d)
trap 'rm -rf "$COPY"' EXIT
cd "$ROOT"
# A file that was deleted but not committed is still listed, hence the filter.
git ls-files -z --cached --others --exclude-standard -- go.mod go.sum hack/tools hack/update-codegen.sh \
  hack/boilerplate.go.txt "${GENERATED[@]}" |
  while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  xargs -0 cp --parents --target-directory="$COPY"
mkdir -p bin
ln -s "$ROOT/bin" "$COPY/bin" # the built generators are the same

"$COPY/hack/update-codegen.sh" >"$COPY/log" 2>&1 || { cat "$COPY/log" >&2; exit 1; }

status=0
for folder in "${GENERATED[@]}"; do
  diff --unified --recursive --new-file "$folder" "$COPY/$folder" || status=1
done
if [[ $status != 0 ]]; then
  echo "Generated files are out of date. Run: hack/update-codegen.sh" >&2
fi
exit "$status"
