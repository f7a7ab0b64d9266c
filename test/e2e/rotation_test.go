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
	f := newFrame(t)
	f.newCluster("orders", 3)
	f.awaitReady("orders")
	f.write("orders", 100)
	born := f.bornAt()

	f.rotatePassword()
	f.rotateCertificates()
	f.replaceAuthority()

	if now := f.bornAt(); now != born {
		t.Errorf("the primary's server runs since %s, it ran since %s", now, born)
	}
	if reason, message := f.operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationSwitchover,
	}); reason != v1alpha1.ReasonComplete {
		t.Errorf("a switchover after all that ended with %s: %s", reason, message)
	}
	f.awaitReady("orders")
	f.mustHave("orders", "orders-rw", 100)
}

// bornAt is when the primary's server was started.
func (f *frame) bornAt() string {
	f.Helper()
	at, err := f.query(f.Context(), "orders", "orders-rw", "SELECT pg_postmaster_start_time()::text")
	f.must(err)
	return at
}

// patchSecret edits a Secret as a user would.
func (f *frame) patchSecret(name, patch string) {
	f.Helper()
	_, err := f.kube.CoreV1().Secrets(f.ns).Patch(f.Context(), name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{})
	f.must(err)
	f.step("changed Secret %s", name)
}

// opens says whether a password opens a session.
func (f *frame) opens(ctx context.Context, config *pgx.ConnConfig, password string) error {
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
func (f *frame) keepLoggingIn(ctx context.Context, config *pgx.ConnConfig) (shutOut []error) {
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
func (f *frame) rotatePassword() {
	f.Helper()
	config, err := f.route(f.Context(), "orders", "orders-rw")
	f.must(err)
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan []error)
	go func() { ended <- f.keepLoggingIn(ctx, config) }()

	const second = "a second one"
	f.patchSecret("orders-app", `{"stringData":{"password":"`+second+`"}}`)
	f.onlyOpens(config, second, config.Password)
	f.patchSecret("orders-app", `{"data":{"password":null}}`)
	drawn := second
	f.eventually("a new password is drawn", func(ctx context.Context) error {
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
func (f *frame) onlyOpens(config *pgx.ConnConfig, newest, old string) {
	f.Helper()
	f.eventually("the new password is the only one", func(ctx context.Context) error {
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
func (f *frame) shown(ctx context.Context) ([]byte, error) {
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
func (f *frame) rotateCertificates() {
	f.Helper()
	before, err := f.shown(f.Context())
	f.must(err)
	config, err := f.route(f.Context(), "orders", "orders-rw")
	f.must(err)
	open, err := pgx.ConnectConfig(f.Context(), config)
	f.must(err)
	defer func() { _ = open.Close(f.Context()) }()

	f.must(f.kube.CoreV1().Secrets(f.ns).Delete(f.Context(), "orders-db-tls", metav1.DeleteOptions{}))
	f.step("deleted the certificates")
	f.nudge()
	f.eventually("a new certificate is shown", func(ctx context.Context) error {
		now, err := f.shown(ctx)
		if err == nil && bytes.Equal(now, before) {
			err = errors.New("the old one is shown")
		}
		return err
	})
	if _, err := open.Exec(f.Context(), "SELECT 1"); err != nil {
		f.Errorf("the open session: %v", err)
	}
	f.await("orders", "can fail over", func(c *v1alpha1.DatabaseCluster) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionFailoverReady)
	})
}

// nudge makes the kubelets look at the pods now: of a changed Secret they would learn within a minute or so, which is
// soon enough for certificates that are renewed weeks before their end.
func (f *frame) nudge() {
	f.Helper()
	f.eventually("the certificates are issued anew", func(ctx context.Context) error {
		_, err := f.kube.CoreV1().Secrets(f.ns).Get(ctx, "orders-db-tls", metav1.GetOptions{})
		return err
	})
	for name := range f.pods() {
		_, err := f.kube.CoreV1().Pods(f.ns).Patch(f.Context(), name, types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"annotations":{"e2e/nudge":%q}}}`, time.Now().Format(time.RFC3339Nano)),
			metav1.PatchOptions{})
		f.must(err)
	}
}

// replaceAuthority has a new authority made: members and applications trust both while the old one's certificates are
// shown.
func (f *frame) replaceAuthority() {
	f.Helper()
	f.must(f.kube.CoreV1().Secrets(f.ns).Delete(f.Context(), "orders-db-ca", metav1.DeleteOptions{}))
	f.step("deleted the authority")
	f.eventually("applications trust both authorities", func(ctx context.Context) error {
		s, err := f.kube.CoreV1().Secrets(f.ns).Get(ctx, "orders-app", metav1.GetOptions{})
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
