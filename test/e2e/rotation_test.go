// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestRotation changes what is secret on a database that serves: nobody is shut out and nothing restarts.
func TestRotation(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 3)
	f.AwaitReady("orders")
	f.write("orders", 100)
	born := f.bornAt()

	f.rotatePassword()
	f.rotateCertificates()
	f.replaceAuthority()

	if now := f.bornAt(); now != born {
		t.Errorf("the primary's server runs since %s, it ran since %s", now, born)
	}
	if reason, message := f.Operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationSwitchover,
	}); reason != v1alpha1.ReasonComplete {
		t.Errorf("a switchover after all that ended with %s: %s", reason, message)
	}
	f.AwaitReady("orders")
	f.mustHave("orders", "orders-rw", 100)
}

// bornAt is when the primary's server was started.
func (f *fixture) bornAt() string {
	f.Helper()
	at, err := f.query(f.Context(), "orders", "orders-rw", "SELECT pg_postmaster_start_time()::text")
	f.Must(err)
	return at
}

// patchSecret edits a Secret as a user would.
func (f *fixture) patchSecret(name, patch string) {
	f.Helper()
	_, err := f.Kube.CoreV1().Secrets(f.NS).Patch(f.Context(), name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{})
	f.Must(err)
	f.Step("changed Secret %s", name)
}

// opens says whether a password opens a session.
func (f *fixture) opens(ctx context.Context, config *pgx.ConnConfig, password string) error {
	config = config.Copy()
	config.Password = password
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		err = conn.Close(ctx)
	}
	return err
}

// keepLoggingIn opens a session over and over, as a pool does: with the password that was good last, and when that is
// good no longer with the one that the Secret has by then. It gives each time that neither was.
func (f *fixture) keepLoggingIn(ctx context.Context, config *pgx.ConnConfig) (shutOut []error) {
	for good := config.Password; ctx.Err() == nil; {
		err := f.opens(ctx, config, good)
		for seen := ""; err != nil && ctx.Err() == nil; {
			now, routeErr := f.route(ctx, "orders", "orders-rw")
			if routeErr != nil {
				continue
			}
			if seen != "" && now.Password == seen {
				shutOut = append(shutOut, err) // it failed, and nobody changed it meanwhile
				break
			}
			good, seen = now.Password, now.Password
			err = f.opens(ctx, config, good)
		}
	}
	return shutOut
}

// rotatePassword edits the application's password, and then deletes it for the operator to draw a new one.
func (f *fixture) rotatePassword() {
	f.Helper()
	config, err := f.route(f.Context(), "orders", "orders-rw")
	f.Must(err)
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan []error)
	go func() { ended <- f.keepLoggingIn(ctx, config) }()

	const second = "a second one"
	f.patchSecret("orders-app", `{"stringData":{"password":"`+second+`"}}`)
	f.onlyOpens(config, second, config.Password)
	f.patchSecret("orders-app", `{"data":{"password":null}}`)
	drawn := second
	f.Eventually("a new password is drawn", func(ctx context.Context) error {
		now, err := f.route(ctx, "orders", "orders-rw")
		if err != nil || now.Password == "" || now.Password == second {
			return fmt.Errorf("not yet: %w", err)
		}
		drawn = now.Password
		return nil
	})
	f.onlyOpens(config, drawn, second)
	cancel()
	for _, err := range <-ended {
		f.Errorf("no password was valid: %v", err)
	}
}

// onlyOpens waits until one password opens a session and the other no longer does.
func (f *fixture) onlyOpens(config *pgx.ConnConfig, newest, old string) {
	f.Helper()
	f.Eventually("the new password is the only one", func(ctx context.Context) error {
		if err := f.opens(ctx, config, newest); err != nil {
			return err
		}
		if f.opens(ctx, config, old) == nil {
			return errors.New("the old password is still valid")
		}
		return nil
	})
}

// shown is the certificate that the primary shows to a new session.
func (f *fixture) shown(ctx context.Context) ([]byte, error) {
	config, err := f.route(ctx, "orders", "orders-rw")
	if err != nil {
		return nil, err
	}
	var leaf []byte
	config.TLSConfig.VerifyConnection = func(s tls.ConnectionState) error {
		leaf = s.PeerCertificates[0].Raw
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return leaf, conn.Close(ctx)
}

// rotateCertificates has new certificates issued, beside an open session.
func (f *fixture) rotateCertificates() {
	f.Helper()
	before, err := f.shown(f.Context())
	f.Must(err)
	config, err := f.route(f.Context(), "orders", "orders-rw")
	f.Must(err)
	open, err := pgx.ConnectConfig(f.Context(), config)
	f.Must(err)
	defer func() { _ = open.Close(f.Context()) }()

	f.Must(f.Kube.CoreV1().Secrets(f.NS).Delete(f.Context(), "orders-db-tls", metav1.DeleteOptions{}))
	f.Step("deleted the certificates")
	f.nudge()
	f.Eventually("a new certificate is shown", func(ctx context.Context) error {
		now, err := f.shown(ctx)
		if err == nil && bytes.Equal(now, before) {
			err = errors.New("the old one is shown")
		}
		return err
	})
	if _, err := open.Exec(f.Context(), "SELECT 1"); err != nil {
		f.Errorf("the open session: %v", err)
	}
	f.Await("orders", "can fail over", func(c *v1alpha1.DatabaseCluster) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionFailoverReady)
	})
}

// nudge makes the kubelets look at the pods now: of a changed Secret they would learn within a minute or so, which is
// soon enough for certificates that are renewed weeks before their end.
func (f *fixture) nudge() {
	f.Helper()
	f.Eventually("the certificates are issued anew", func(ctx context.Context) error {
		_, err := f.Kube.CoreV1().Secrets(f.NS).Get(ctx, "orders-db-tls", metav1.GetOptions{})
		return err
	})
	for name := range f.Pods() {
		_, err := f.Kube.CoreV1().Pods(f.NS).Patch(f.Context(), name, types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"annotations":{"e2e/nudge":%q}}}`, time.Now().Format(time.RFC3339Nano)),
			metav1.PatchOptions{})
		f.Must(err)
	}
}

// replaceAuthority has a new authority made: members and applications trust both while the old one's certificates are
// shown.
func (f *fixture) replaceAuthority() {
	f.Helper()
	f.Must(f.Kube.CoreV1().Secrets(f.NS).Delete(f.Context(), "orders-db-ca", metav1.DeleteOptions{}))
	f.Step("deleted the authority")
	f.Eventually("applications trust both authorities", func(ctx context.Context) error {
		s, err := f.Kube.CoreV1().Secrets(f.NS).Get(ctx, "orders-app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if n := bytes.Count(s.Data["ca.crt"], []byte("BEGIN CERTIFICATE")); n != 2 {
			return fmt.Errorf("%d authorities", n)
		}
		return nil
	})
	if _, err := f.shown(f.Context()); err != nil {
		f.Errorf("a session with both authorities: %v", err)
	}
}
