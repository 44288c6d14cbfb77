# py-consul-watch -config examples/watch/watches.hcl -state-file watch.state
#
# The stanzas are those of an agent's "watches"; id, timeout and skip_first are additions.

concurrency = 4

retry {
  attempts    = 5
  backoff     = "1s"
  max_backoff = "30s"
}

watches = [
  {
    id   = "environment"
    type = "key"
    key  = "apps/ecommerce/environment"
    args = ["sh", "-c", "cat > environment.json"]
  },
  {
    id      = "settings"
    type    = "keyprefix"
    prefix  = "apps/ecommerce/"
    handler = "grep -o '\"Key\"' | wc -l > settings.count"
    timeout = "30s"
  },
  {
    id         = "deployments"
    type       = "event"
    name       = "deploy"
    handler    = "cat >> deployments.log"
    skip_first = true
  }
]

# A web hook: POST with the data as JSON, X-Consul-Index and the headers given here.
#
# watch {
#   id           = "storefront"
#   type         = "service"
#   service      = "storefront"
#   passingonly  = true
#   handler_type = "http"
#   http_handler_config {
#     path    = "https://hooks.example.com/storefront"
#     method  = "POST"
#     timeout = "5s"
#     header  { Authorization = ["Bearer ..."] }
#     ca_file = "ca.pem"
#   }
# }
