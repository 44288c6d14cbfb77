# py-envconsul -config examples/envconsul/envconsul.hcl ./server
#
# Settings of the shop become variables of its server: DB_HOST, DB_PORT, STOREFRONT_PORT ...

upcase   = true
sanitize = true

prefix {
  path   = "apps/ecommerce"
  format = "shop_{{ key }}"
}

# Banners change often; a change of one alone is no reason to restart the server.
prefix {
  path   = "apps/banners"
  reload = false
}

service {
  query          = "storefront"
  format_address = "storefront_host"
  format_port    = "storefront_port"
}

# Look at a new configuration before the server gets it; if this fails, the server goes on with the old one.
change_command = "test -n \"$SHOP_DATABASE_HOST\""

# Gather changes that come together.
wait {
  min = "200ms"
  max = "2s"
}

exec {
  splay        = "0s"
  kill_signal  = "SIGTERM"
  kill_timeout = "10s"

  env {
    denylist = ["CONSUL_*", "VAULT_*"]
  }
}
