# Renders both files whenever the shop's keys or services change. From the repository's root:
#   py-consul-template -config examples/template/template.hcl -once

wait {
  min = "200ms"
  max = "2s"
}

template {
  source      = "examples/template/haproxy.cfg.tpl"
  destination = "haproxy.cfg"
  perms       = "0644"
  backup      = true
  command     = "echo haproxy.cfg is new"
}

template {
  source               = "examples/template/shop.ini.j2"
  destination          = "shop.ini"
  error_on_missing_key = true
}
