// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package config renders the configuration files of all components. The templates are the place to look at first: each
// setting that an ordinary cluster would not have carries its reason.
package config
