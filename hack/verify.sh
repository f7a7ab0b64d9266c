#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Runs every hack/verify-*.sh to the end, so that one run names all that is wrong, and fails when one failed.
set -o errexit -o nounset -o pipefail

status=0
for check in "$(dirname "${BASH_SOURCE[0]}")"/verify-*.sh; do
  began=$SECONDS
  verdict=ok
  "$check" || { verdict=FAILED; status=1; }
  printf '%-6s  %s  %ds\n' "$verdict" "$(basename "$check" .sh)" $((SECONDS - began))
done
exit "$status"
