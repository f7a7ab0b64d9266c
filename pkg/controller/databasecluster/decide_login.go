// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// appName is the application's login. It is a fact: what somebody writes into the Secret does not change it, least of
// all into the login of a superuser.
const appName = "app"

// maxPasswordBytes is more than anybody needs and less than any client library cuts off.
const maxPasswordBytes = 256

// wantLogin asks for the Secret of the application. Its password is the user's to change, all else follows from it;
// keys that we do not know are left alone.
func (d *Decision) wantLogin(s Snapshot, t trust) error {
	name := resource.AppSecretName(s.Cluster.Name)
	if len(t.bundle) == 0 {
		return nil
	}
	kept := s.Secret(name)
	if kept == nil {
		d.generate(s, GenerateLogin, "it is missing")
		return nil
	}
	password := kept.Data[resource.BindingPassword]
	switch fault := passwordFault(password); {
	case len(password) == 0:
		d.generate(s, GenerateLogin, "it has no password")
		return nil
	case fault != "" && ownSecret(s, name) != nil:
		d.secretTrouble(name, fmt.Sprintf("the key %q %s; allowed are 1 to %d bytes of UTF-8 without control characters; "+
			"the password before it stays valid", resource.BindingPassword, fault, maxPasswordBytes))
		return nil // the URI still has the password that is valid
	}
	return d.wantSecret(s, resource.AppSecret(s.Cluster, s.Engine.Traits(), login(s, string(password), t)))
}

// login is the application's login with a password.
func login(s Snapshot, password string, t trust) resource.Login {
	return resource.Login{
		Username: appName, Database: s.Engine.Traits().Database, Password: password, CA: t.bundle, Members: memberHosts(s),
	}
}

// memberHosts are the hosts of the members that there should be.
func memberHosts(s Snapshot) []string {
	var hosts []string
	for _, name := range wantedMembers(s) {
		if placeOf(s, name).Component == "" {
			hosts = append(hosts, resource.MemberHost(s.Cluster.Name, s.Cluster.Namespace, name))
		}
	}
	return hosts
}

// passwordFault says what is wrong with a password that somebody wrote; "" when it can be used. Control characters are
// refused because they come from a mistake: the line break that echo adds would become part of the password.
func passwordFault(password []byte) string {
	switch {
	case len(password) > maxPasswordBytes:
		return fmt.Sprintf("has %d bytes", len(password))
	case !utf8.Valid(password):
		return "is not UTF-8"
	}
	for _, r := range string(password) {
		if unicode.IsControl(r) {
			return fmt.Sprintf("contains the control character %U", r)
		}
	}
	return ""
}

// users are the logins that the primary makes and keeps; nil while none is known. A password that is missing or cannot
// be used changes nothing: its predecessor stays valid, as the plan that is in force has it. A login is never without.
func users(s Snapshot) []engine.PlanUser {
	if kept := ownSecret(s, resource.AppSecretName(s.Cluster.Name)); kept != nil {
		password := kept.Data[resource.BindingPassword]
		if len(password) > 0 && passwordFault(password) == "" {
			return []engine.PlanUser{{
				Name: appName, Verifier: s.Engine.Verifier(string(s.Cluster.UID), appName, string(password)),
			}}
		}
	}
	for _, user := range planInForce(s).Users {
		if user.Name == appName && user.Verifier != "" {
			return []engine.PlanUser{user}
		}
	}
	return nil
}
