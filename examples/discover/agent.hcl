# py-consul agent -dev -config-file=examples/discover/agent.hcl
# Servers by tag, tried every ten seconds; the second entry is a host that is tried beside them.
retry_join = [
  "provider=aws region=eu-west-1 tag_key=role tag_value=consul-server",
  "consul.example.com",
]
retry_interval = "10s"
