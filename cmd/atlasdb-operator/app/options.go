// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/client-go/tools/leaderelection"
)

// Options are the operator's flags.
type Options struct {
	// Kubeconfig is a file with the address and credentials of the API server. Empty means those of the pod.
	Kubeconfig string
	// QPS and Burst limit all requests of the controllers to the API server, per second and at once.
	QPS   float32
	Burst int

	// Namespaces are those whose DatabaseClusters are served. Empty means all.
	Namespaces []string
	// Workers is how many clusters are synced at the same time, for each of Namespaces.
	Workers int
	// AgentImage is the image with the agent for new pods.
	AgentImage string
	// ResyncPeriod is how often every cluster is synced without an event. Zero means never.
	ResyncPeriod time.Duration
	// DrainTimeout is how long syncs in flight may go on after SIGTERM.
	DrainTimeout time.Duration

	// LeaderElection says how the replicas agree on one that acts.
	LeaderElection LeaderElectionOptions

	// MetricsAddress serves /metrics, /healthz and /readyz.
	MetricsAddress string
	// LogFormat is "text" or "json", for the operator and for the agents of new pods.
	LogFormat string
	// Verbosity is the highest level that is logged: 0 notable, 2 changes, 4 details.
	Verbosity int
	// Version asks for the version instead of a run.
	Version bool
}

// LeaderElectionOptions are the flags of leader election.
type LeaderElectionOptions struct {
	// Enabled is false for a single process without Lease.
	Enabled bool
	// Namespace and Name are the Lease's.
	Namespace, Name string
	// LeaseDuration is how long others wait for a holder that has gone silent; RenewDeadline how long the holder tries
	// to renew before it gives up; RetryPeriod the time between tries.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
}

// group is a set of flags with a heading in --help.
type group struct {
	heading string
	flags   *pflag.FlagSet
}

// groups describes every flag, with its default, in the order of --help. Parsing fills o.
func (o *Options) groups() []group {
	var all []group
	section := func(heading string) *pflag.FlagSet {
		flags := pflag.NewFlagSet(heading, pflag.ContinueOnError)
		flags.SortFlags = false
		all = append(all, group{heading, flags})
		return flags
	}

	work := section("What to serve")
	work.StringSliceVar(&o.Namespaces, "namespaces", nil,
		"Serve DatabaseClusters of these `namespaces` only, a comma-separated list. Default: all.")
	work.StringVar(&o.AgentImage, "agent-image", "",
		"The `image` whose agent is copied into new database pods, normally the operator's own. Required.")
	work.IntVar(&o.Workers, "workers", 10,
		"How many clusters are worked on at the same time, for each of --namespaces.")
	work.DurationVar(&o.ResyncPeriod, "resync-period", 0,
		"Look at every cluster this often even without an event. Never needed, because events are not lost; 0 is off.")
	work.DurationVar(&o.DrainTimeout, "drain-timeout", 20*time.Second,
		"After SIGTERM no new work is begun, and work in flight may finish within this time; then the Lease is "+
			"released and the process exits with status 0. Keep terminationGracePeriodSeconds 10 s above it.")

	api := section("Kubernetes API")
	api.StringVar(&o.Kubeconfig, "kubeconfig", "",
		"A `file` with the address and credentials of the API server. Default: those of the pod.")
	api.Float32Var(&o.QPS, "kube-api-qps", 50, "Requests to the API server per second, on average.")
	api.IntVar(&o.Burst, "kube-api-burst", 100, "Requests to the API server in a burst.")

	lease := section("Leader election")
	election := &o.LeaderElection
	lease.BoolVar(&election.Enabled, "leader-elect", true,
		"Act only while holding the Lease. Switch off only for a single process.")
	lease.StringVar(&election.Namespace, "leader-elect-namespace", "atlasdb-system", "The `namespace` of the Lease.")
	lease.StringVar(&election.Name, "leader-elect-name", "atlasdb-operator", "The `name` of the Lease.")
	lease.DurationVar(&election.LeaseDuration, "leader-elect-lease-duration", 15*time.Second,
		"How long the others wait for a holder that has gone silent.")
	lease.DurationVar(&election.RenewDeadline, "leader-elect-renew-deadline", 10*time.Second,
		"How long the holder tries to renew before it gives up and exits with status 1.")
	lease.DurationVar(&election.RetryPeriod, "leader-elect-retry-period", 2*time.Second, "Time between tries.")

	observe := section("Observation")
	observe.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8080",
		"Serve /metrics, /healthz and /readyz on this `address`.")
	observe.StringVar(&o.LogFormat, "log-format", "text",
		"The `format` of the log, and of that of the agents in new pods: text or json.")
	observe.IntVarP(&o.Verbosity, "v", "v", 0, "Log up to this `level`: 0 notable, 2 changes, 4 details.")
	observe.BoolVar(&o.Version, "version", false, "Print the version and exit.")
	return all
}

// Parse reads and validates the command line. It returns pflag.ErrHelp when --help was asked for.
func Parse(args []string) (*Options, error) {
	o := &Options{}
	flags := pflag.NewFlagSet("atlasdb-operator", pflag.ContinueOnError)
	flags.Usage = func() {} // an error is printed once, by main
	for _, g := range o.groups() {
		flags.AddFlagSet(g.flags)
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected arguments: %s", strings.Join(flags.Args(), " "))
	}
	if o.Version {
		return o, nil
	}
	return o, o.validate()
}

// PrintHelp prints every flag under its heading.
func PrintHelp(w io.Writer) error {
	var text strings.Builder
	text.WriteString("atlasdb-operator keeps every DatabaseCluster as its spec says.\n\n" +
		"Usage:\n  atlasdb-operator --agent-image=IMAGE [flags]\n")
	for _, g := range new(Options).groups() {
		fmt.Fprintf(&text, "\n%s:\n%s", g.heading, g.flags.FlagUsagesWrapped(100))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// validate returns every mistake at once, each naming its flag.
func (o *Options) validate() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(o.AgentImage != "", "--agent-image is required")
	require(o.Workers > 0, "--workers must be at least 1, not %d", o.Workers)
	require(o.DrainTimeout >= 0, "--drain-timeout must not be negative: %s", o.DrainTimeout)
	require(o.ResyncPeriod >= 0, "--resync-period must not be negative: %s", o.ResyncPeriod)
	require(o.QPS > 0, "--kube-api-qps must be positive, not %g", o.QPS)
	require(o.Burst > 0, "--kube-api-burst must be at least 1, not %d", o.Burst)
	require(o.LogFormat == "text" || o.LogFormat == "json", "--log-format must be text or json, not %q", o.LogFormat)
	for i, namespace := range o.Namespaces {
		wrong := content.IsDNS1123Label(namespace)
		require(len(wrong) == 0, "--namespaces: %q: %s", namespace, strings.Join(wrong, "; "))
		require(!slices.Contains(o.Namespaces[:i], namespace), "--namespaces: %q is given twice", namespace)
	}
	if o.LeaderElection.Enabled {
		errs = append(errs, o.LeaderElection.validate()...)
	}
	return errors.Join(errs...)
}

// validate holds the order of times without which two processes could act at once.
func (o LeaderElectionOptions) validate() []error {
	var errs []error
	if o.Namespace == "" || o.Name == "" {
		errs = append(errs, errors.New("--leader-elect-namespace and --leader-elect-name must not be empty"))
	}
	if o.LeaseDuration%time.Second != 0 {
		errs = append(errs, fmt.Errorf("--leader-elect-lease-duration must be whole seconds, not %s", o.LeaseDuration))
	}
	if o.LeaseDuration <= o.RenewDeadline+o.RetryPeriod {
		errs = append(errs, fmt.Errorf("--leader-elect-lease-duration (%s) must be longer than "+
			"--leader-elect-renew-deadline (%s) and --leader-elect-retry-period (%s) together",
			o.LeaseDuration, o.RenewDeadline, o.RetryPeriod))
	}
	longestRetry := time.Duration(leaderelection.JitterFactor * float64(o.RetryPeriod))
	if o.RetryPeriod <= 0 || o.RenewDeadline <= longestRetry {
		errs = append(errs, fmt.Errorf("--leader-elect-renew-deadline (%s) must be longer than %g times "+
			"--leader-elect-retry-period (%s)", o.RenewDeadline, leaderelection.JitterFactor, o.RetryPeriod))
	}
	return errs
}
