"""The fields that Envoy's resources have, in the order of its API (version 3)."""

from __future__ import annotations

from typing import Final

import msgspec


class Resource(msgspec.Struct, frozen=True):
    """A type of resource: its full name, and its fields."""

    name: str
    fields: tuple[str, ...]

    def listed(self, *, whole: bool) -> str:
        """Its fields for an error text: all of them, or the first ten."""
        shown = self.fields if whole else self.fields[:10]
        text = f"available {self.name} fields:\n" + "".join(f"{field}\n" for field in shown)
        if len(shown) < len(self.fields):
            text += "First 10 fields for this message included, configure with `Debug = true` to print all."
        return text


_CLUSTER: Final = """
transport_socket_matches name alt_stat_name type cluster_type eds_cluster_config connect_timeout
per_connection_buffer_limit_bytes lb_policy load_assignment health_checks max_requests_per_connection circuit_breakers
upstream_http_protocol_options common_http_protocol_options http_protocol_options http2_protocol_options
typed_extension_protocol_options dns_refresh_rate dns_failure_refresh_rate respect_dns_ttl dns_lookup_family
dns_resolvers use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config wait_for_warm_on_init
outlier_detection cleanup_interval upstream_bind_config lb_subset_config ring_hash_lb_config maglev_lb_config
original_dst_lb_config least_request_lb_config round_robin_lb_config common_lb_config transport_socket metadata
protocol_selection upstream_connection_options close_connections_on_host_health_failure ignore_health_on_host_removal
filters load_balancing_policy lrs_server track_timeout_budgets upstream_config track_cluster_stats preconnect_policy
connection_pool_per_downstream_connection
"""
_LISTENER: Final = """
name address additional_addresses stat_prefix filter_chains filter_chain_matcher use_original_dst default_filter_chain
per_connection_buffer_limit_bytes metadata deprecated_v1 drain_type listener_filters listener_filters_timeout
continue_on_listener_filters_timeout transparent freebind socket_options tcp_fast_open_queue_length traffic_direction
udp_listener_config api_listener connection_balance_config reuse_port enable_reuse_port access_log tcp_backlog_size
max_connections_to_accept_per_socket_event bind_to_port internal_listener enable_mptcp ignore_global_conn_limit
"""
_ROUTES: Final = """
name virtual_hosts vhds internal_only_headers response_headers_to_add response_headers_to_remove request_headers_to_add
request_headers_to_remove most_specific_header_mutations_wins validate_clusters max_direct_response_body_size_bytes
cluster_specifier_plugins request_mirror_policies ignore_port_in_host_matching ignore_path_parameters_in_path_matching
typed_per_filter_config metadata
"""
_ENDPOINTS: Final = "cluster_name endpoints named_endpoints policy"

RESOURCES: Final = {
    "cluster": Resource("envoy.config.cluster.v3.Cluster", tuple(_CLUSTER.split())),
    "cluster-load-assignment": Resource("envoy.config.endpoint.v3.ClusterLoadAssignment", tuple(_ENDPOINTS.split())),
    "listener": Resource("envoy.config.listener.v3.Listener", tuple(_LISTENER.split())),
    "route": Resource("envoy.config.route.v3.RouteConfiguration", tuple(_ROUTES.split())),
}
