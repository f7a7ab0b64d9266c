#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Fails when a CRD is larger than 200 KiB. `kubectl apply` keeps a second copy of it in an annotation, and annotations
# end at 256 KiB; a CRD above that can no longer be installed the plain way.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
large=$(find artifacts/crds -name '*.yaml' -size +200k)
if [[ -n $large ]]; then
  printf '%s\nLarger than 200 KiB. Shorten the comments or the schema of the type.\n' "$large" >&2
  exit 1
fi
