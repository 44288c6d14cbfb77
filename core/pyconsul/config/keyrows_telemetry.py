"""Keys of the section ``telemetry``."""

from __future__ import annotations

from typing import Final

from pyconsul.config.keyrow import Key, Kind

# From Consul 1.21's own configuration structure; the sentences are ours.
TELEMETRY: Final[tuple[Key, ...]] = (
    Key("telemetry.circonus_api_app", Kind.STRING, "For the Circonus sink", shown="Telemetry.CirconusAPIApp"),
    Key("telemetry.circonus_api_token", Kind.STRING, "For the Circonus sink", secret=True),
    Key("telemetry.circonus_api_url", Kind.STRING, "For the Circonus sink", shown="Telemetry.CirconusAPIURL"),
    Key("telemetry.circonus_broker_id", Kind.STRING, "For the Circonus sink", shown="Telemetry.CirconusBrokerID"),
    Key(
        "telemetry.circonus_broker_select_tag",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusBrokerSelectTag",
    ),
    Key(
        "telemetry.circonus_check_display_name",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusCheckDisplayName",
    ),
    Key(
        "telemetry.circonus_check_force_metric_activation",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusCheckForceMetricActivation",
    ),
    Key("telemetry.circonus_check_id", Kind.STRING, "For the Circonus sink", shown="Telemetry.CirconusCheckID"),
    Key(
        "telemetry.circonus_check_instance_id",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusCheckInstanceID",
    ),
    Key(
        "telemetry.circonus_check_search_tag",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusCheckSearchTag",
    ),
    Key("telemetry.circonus_check_tags", Kind.STRING, "For the Circonus sink", shown="Telemetry.CirconusCheckTags"),
    Key(
        "telemetry.circonus_submission_interval",
        Kind.DURATION,
        "For the Circonus sink",
        shown="Telemetry.CirconusSubmissionInterval",
    ),
    Key(
        "telemetry.circonus_submission_url",
        Kind.STRING,
        "For the Circonus sink",
        shown="Telemetry.CirconusSubmissionURL",
    ),
    Key(
        "telemetry.disable_hostname",
        Kind.BOOL,
        "Leave the host name out of metric names",
        shown="Telemetry.DisableHostname",
    ),
    Key(
        "telemetry.disable_per_tenancy_usage_metrics",
        Kind.BOOL,
        "Leave usage metrics out",
        shown="Telemetry.DisablePerTenancyUsageMetrics",
    ),
    Key("telemetry.enable_host_metrics", Kind.BOOL, "Report figures of the host", shown="Telemetry.EnableHostMetrics"),
    Key("telemetry.dogstatsd_addr", Kind.STRING, "DogStatsD server", shown="Telemetry.DogstatsdAddr"),
    Key("telemetry.dogstatsd_tags", Kind.STRINGS, "Tags sent to it", shown="Telemetry.DogstatsdTags"),
    Key(
        "telemetry.retry_failed_connection",
        Kind.BOOL,
        "Try a metrics sink again",
        default=True,
        shown="Telemetry.RetryFailedConfiguration",
    ),
    Key(
        "telemetry.filter_default",
        Kind.BOOL,
        "Whether metrics without a rule pass",
        default=True,
        shown="Telemetry.FilterDefault",
    ),
    Key("telemetry.prefix_filter", Kind.STRINGS, "Rules `+prefix` and `-prefix`", reload=True),
    Key(
        "telemetry.metrics_prefix",
        Kind.STRING,
        "First part of metric names",
        default="consul",
        shown="Telemetry.MetricsPrefix",
    ),
    Key(
        "telemetry.prometheus_retention_time",
        Kind.DURATION,
        "How long metrics stay readable for Prometheus; 0 means off",
        shown="Telemetry.PrometheusOpts.Expiration",
    ),
    Key("telemetry.statsd_address", Kind.STRING, "StatsD server", shown="Telemetry.StatsdAddr"),
    Key("telemetry.statsite_address", Kind.STRING, "Statsite server", shown="Telemetry.StatsiteAddr"),
)
