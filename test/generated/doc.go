// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package generated tests what the generators of hack/update-codegen.sh can get wrong in silence: code that compiles
// and has lost the field-management schema, so that one manager's list entries replace another's.
package generated
