{{- define "server" }}  server {{ .ID }} {{ .Address }}:{{ .Port }} check{{ end -}}
# {{ len (service "storefront") }} storefronts in {{ keyOrDefault "apps/ecommerce/environment" "development" }}
frontend shop
  bind *:{{ envOrDefault "SHOP_PORT" "8080" }}
  default_backend storefront

backend storefront
{{- range service "storefront" }}
{{ template "server" . }}
{{- else }}
  http-request return status 503
{{- end }}
