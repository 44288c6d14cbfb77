{
  "environment": "{{ key "apps/ecommerce/environment" }}",
  "database": {
    "host": "{{ key "apps/ecommerce/database_host" }}",
    "port": {{ key "apps/ecommerce/database_port" }}
  },
  "features": {
    {{- range $i, $f := ls "apps/ecommerce/features" }}
    {{- if $i }},{{ end }}
    "{{ $f.Key }}": {{ $f.Value }}
    {{- end }}
  },
  "storefront": [
    {{- range $i, $s := service "storefront" }}
    {{- if $i }},{{ end }}
    "{{ $s.Address }}:{{ $s.Port }}"
    {{- end }}
  ]
}
