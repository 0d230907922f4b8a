"""The configuration of an nginx in front of a workspace's services, made from its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

from engine.access import is_address, is_local
from engine.config.engine_settings import EngineSettings, PredictorSettings
from engine.errors import ConfigError

API_KILOBYTES = 64
FORECAST_KILOBYTES = 64
FORECASTS_MEGABYTES = 4
PICTURE_MEGABYTES = 10
PICTURES_MEGABYTES = 32
"""What the services themselves take at most: more is not even forwarded."""

_NAME = re.compile(r"[a-z0-9_*]([a-z0-9_.*-]{0,250}[a-z0-9_])?", re.IGNORECASE)
_PREDICTOR = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9_.-]+):([0-9]{1,5})", re.IGNORECASE)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # where others listen on all


@dataclass(frozen=True)
class Tls:
    """How the proxy proves who it is.

    Attributes:
        certificate: File of the certificate, with those that it rests on.
        key: File of its key.
        redirect_port: Port without TLS, whose requests are sent on to the one with it.
    """

    certificate: Path
    key: Path
    redirect_port: int = 80


@dataclass(frozen=True)
class Proxy:
    """What the settings do not know of the proxy.

    Attributes:
        server_name: The name that users call it by.
        port: Where it listens; None: 443 with TLS, 80 without.
        tls: How it proves who it is, None for no encryption.
        predictors: Addresses, `host:port` each; none: the workers of this workspace.
        log: File that has a line for each request.
    """

    server_name: str
    port: int | None = None
    tls: Tls | None = None
    predictors: tuple[str, ...] = ()
    log: Path = Path("/var/log/nginx/mlops-tui.log")

    @property
    def listens_on(self) -> int:
        """Its port."""
        return self.port or (443 if self.tls else 80)


def nginx_config(settings: EngineSettings, proxy: Proxy) -> str:
    """The file, complete and with comments, to be included in nginx's `http` block.

    Raises:
        ConfigError: A port is left to chance, nothing is switched on that could be forwarded to,
            or a name or path cannot stand in such a file.
    """
    if not _NAME.fullmatch(proxy.server_name):
        raise ConfigError(f"{proxy.server_name!r} is not the name of a server")
    predictors = _predictors(settings.predictor, proxy)
    upstreams = [_predictor_upstream(predictors, proxy)] if predictors else []
    locations = [_PREDICTOR_LOCATIONS] if predictors else []
    if settings.flow_api.enabled:
        address = _address("flow_api", settings.flow_api.host, settings.flow_api.port)
        upstreams.append(_upstream("mlops_api", address))
        locations.insert(0, _API_LOCATIONS)
    if settings.web_page.enabled:
        address = _address("web_page", settings.web_page.host, settings.web_page.port)
        upstreams.append(_upstream("mlops_page", address))
        locations.insert(0, _PAGE_LOCATIONS)
    if not upstreams:
        raise ConfigError("there is nothing to forward to: predictor, flow API and page are off")
    parts = [
        _HEAD.format(name=proxy.server_name),
        _LIMITS.format(log=_quoted(proxy.log)),
        *upstreams,
        *([_redirect(proxy)] if proxy.tls else []),
        _server(proxy, locations),
    ]
    return "\n".join(parts)


def advice(settings: EngineSettings, proxy: Proxy) -> list[str]:
    """What the workspace still has to be told, or what else is worth a thought; a sentence each."""
    found: list[str] = []
    for name, section in _sections(settings).items():
        is_known = is_local(proxy.server_name) or proxy.server_name in section.allowed_hosts
        if section.enabled and not is_known:
            found.append(f"add {proxy.server_name} to {name}.allowed_hosts in engine.yaml")
    for name in ("flow_api", "web_page"):
        served = getattr(settings, name)
        if served.enabled and not served.trusted_proxies:
            found.append(
                f"add the address of nginx, such as 127.0.0.1, to {name}.trusted_proxies: else "
                "all who come through it count as one sender"
            )
    own = settings.predictor
    if own.enabled and not proxy.predictors and own.workers > 1 and not own.first_worker_port:
        found.append(
            f"the {own.workers} workers of the predictor share one port: set "
            "predictor.first_worker_port, so that nginx knows which of them died and repeats what "
            "it was asked with another one"
        )
    if proxy.tls is None:
        found.append("without --tls-cert and --tls-key, tokens travel as everybody can read them")
    return found


def _sections(settings: EngineSettings) -> dict[str, PredictorSettings]:
    sections = {"predictor": settings.predictor}
    return sections | {name: getattr(settings, name) for name in ("flow_api", "web_page")}


def _predictors(settings: PredictorSettings, proxy: Proxy) -> list[str]:
    for address in proxy.predictors:
        match = _PREDICTOR.fullmatch(address)
        if match is None or not 1 <= int(match[2]) <= 65535:
            raise ConfigError(f"{address!r} is not the address of a predictor, host:port")
    if proxy.predictors:
        return list(proxy.predictors)
    if not settings.enabled:
        return []
    if settings.first_worker_port:
        first = settings.first_worker_port
        ports = range(first, first + settings.workers)
        return [_address("predictor", settings.host, port) for port in ports]
    return [_address("predictor", settings.host, settings.port)]


def _address(section: str, host: str, port: int) -> str:
    if not port:
        raise ConfigError(
            f"{section}.port is 0, any free one: a proxy cannot know it",
            where="engine.yaml",
            fix=f"Give {section}.port a number",
        )
    shown = f"[{host}]" if is_address(host) and ":" in host else host
    return f"{_LOOPBACK.get(host, shown)}:{port}"


def _quoted(path: Path) -> str:
    text = str(path)
    if any(ord(character) < 32 for character in text) or "$" in text:
        raise ConfigError(f"{text!r} cannot stand in a file of nginx")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _predictor_upstream(addresses: list[str], proxy: Proxy) -> str:
    servers = "\n".join(f"server {one} max_fails=3 fail_timeout=2s;" for one in addresses)
    whose = "as they were given" if proxy.predictors else "the workers of this workspace"
    return _PREDICTORS.format(whose=whose, servers=indent(servers, "    "))


def _upstream(name: str, address: str) -> str:
    return _UPSTREAM.format(name=name, address=address)


def _redirect(proxy: Proxy) -> str:
    assert proxy.tls is not None, "only what is encrypted is redirected to"
    port = "" if proxy.listens_on == 443 else f":{proxy.listens_on}"
    return _REDIRECT.format(
        port=proxy.tls.redirect_port,
        name=proxy.server_name,
        to=f"https://{proxy.server_name}{port}$request_uri",
    )


def _server(proxy: Proxy, locations: list[str]) -> str:
    tls = ""
    if proxy.tls is not None:
        tls = _TLS.format(certificate=_quoted(proxy.tls.certificate), key=_quoted(proxy.tls.key))
    body = "\n".join([_SERVER_HEAD, *([tls] if tls else []), _FORWARDING, *locations, _REST])
    listens = f"{proxy.listens_on} ssl" if proxy.tls else str(proxy.listens_on)
    names = f"    listen {listens};\n    server_name {proxy.server_name};\n"
    return f"server {{\n{names}\n{indent(body, '    ')}}}\n"


_HEAD = """\
# mlops-tui behind nginx: one name for page, flow API and forecasts. Made by
# `engine nginx config`; make it again when a port, a limit or the number of workers changes.
#
# 1. Put it where nginx includes files into its `http` block: /etc/nginx/conf.d/mlops-tui.conf
# 2. Tell the engine the name, in WORKSPACE/configs/engine.yaml, and then `engine restart`:
#      predictor: {{allowed_hosts: [{name}]}}
#      flow_api:  {{allowed_hosts: [{name}], trusted_proxies: [127.0.0.1]}}
#      web_page:  {{allowed_hosts: [{name}], trusted_proxies: [127.0.0.1]}}
# 3. Make a token for each person or program: engine token create NAME --role viewer
#    Whoever comes by this name needs one, for reading too. Forecasts need none: leave their
#    locations out, or add `allow` and `deny` lines, when not everybody may ask for them.
# 4. nginx -t && systemctl reload nginx
"""

_LIMITS = """\
# Of the flow API, each sender may ask 20 times a second, and 40 times more at once.
limit_req_zone  $binary_remote_addr zone=mlops_requests:10m rate=20r/s;
limit_conn_zone $binary_remote_addr zone=mlops_connections:10m;

# Without the query, in which a careless client might put a secret.
log_format mlops '$remote_addr [$time_local] "$request_method $uri" $status $body_bytes_sent '
                 '$request_time s, $upstream_addr $upstream_status $request_id';
access_log {log} mlops;
"""

_PREDICTORS = """\
# Predictors, {whose}. The one with the fewest open requests is asked.
# One that fails three times within two seconds is left out for two seconds.
upstream mlops_predictor {{
    zone mlops_predictor 64k;
    least_conn;
{servers}
    keepalive 64;
    # Shorter than the predictor's own 30 s: nothing is sent into a connection that is closing.
    keepalive_timeout 20s;
}}
"""

_UPSTREAM = """\
upstream {name} {{
    server {address} max_fails=0;
    keepalive 16;
    keepalive_timeout 20s;
}}
"""

_REDIRECT = """\
server {{
    listen {port};
    server_name {name};
    server_tokens off;
    # 308: a POST stays a POST.
    return 308 {to};
}}
"""

_TLS = """\
# From nginx 1.25.1 on, `http2 on;` lets a browser hold the live feed and all else on one connection.
ssl_certificate     {certificate};
ssl_certificate_key {key};
ssl_protocols       TLSv1.2 TLSv1.3;
ssl_ciphers         ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
ssl_session_cache   shared:mlops_tls:10m;
ssl_session_timeout 1d;
ssl_session_tickets off;
add_header Strict-Transport-Security "max-age=31536000" always;
"""  # noqa: E501

_SERVER_HEAD = """\
server_tokens off;
absolute_redirect off;

# As strict as the services themselves, but before they have any work with it.
client_max_body_size        64k;
client_header_timeout       10s;
client_body_timeout         10s;
client_header_buffer_size   4k;
large_client_header_buffers 4 8k;
send_timeout                30s;
limit_conn                  mlops_connections 256;
limit_conn_status           429;
limit_req_status            429;

gzip            on;
gzip_proxied    any;
gzip_vary       on;
gzip_min_length 1024;
gzip_types      application/json text/css text/javascript application/javascript image/svg+xml;

# Beside the headers that each service sends. A request is found by its id in the log.
add_header X-Request-ID           $request_id always;
add_header X-Content-Type-Options nosniff always;

# What nginx refuses by itself is told in the same form as all refusals.
error_page 413              @mlops_too_large;
error_page 429              @mlops_too_many;
error_page 502 503 504 =503 @mlops_away;
"""

_FORWARDING = """\
# The services compare Host and Origin, and must see what the browser sent. Whom a request came from
# is said by nginx alone: whatever the sender put there is gone.
proxy_http_version    1.1;
proxy_set_header      Host              $http_host;
proxy_set_header      Connection        "";
proxy_set_header      X-Forwarded-For   $remote_addr;
proxy_set_header      X-Forwarded-Proto $scheme;
proxy_set_header      X-Request-ID      $request_id;
proxy_hide_header     X-Content-Type-Options;
proxy_connect_timeout 2s;
proxy_read_timeout    60s;
# A launch that is sent twice could run twice. Clients repeat it with an Idempotency-Key.
proxy_next_upstream   off;
"""

_PAGE_LOCATIONS = """\
location = /              { return 302 /flow-monitoring; }
location /flow-monitoring { proxy_pass http://mlops_page; }
"""

_API_LOCATIONS = f"""\
location /docs           {{ proxy_pass http://mlops_api; }}
location = /openapi.json {{ proxy_pass http://mlops_api; }}

location /api/ {{
    limit_req zone=mlops_requests burst=40 nodelay;
    client_max_body_size    {API_KILOBYTES}k;
    client_body_buffer_size {API_KILOBYTES}k;
    proxy_pass http://mlops_api;
}}

# The live feed: one answer that goes on for hours.
location = /api/v1/events {{
    proxy_pass         http://mlops_api;
    proxy_buffering    off;
    proxy_read_timeout 1h;
    gzip               off;
}}
"""


def _predictor_location(path: str, size: str) -> str:
    return dedent(f"""\
        location {path} {{
            client_max_body_size    {size};
            client_body_buffer_size {size if size.endswith("k") else "1m"};
            proxy_pass              http://mlops_predictor;
            proxy_connect_timeout   1s;
            proxy_read_timeout      30s;
            proxy_next_upstream     error timeout http_502 http_503 non_idempotent;
            proxy_next_upstream_tries   3;
            proxy_next_upstream_timeout 10s;
        }}
        """)


_PREDICTOR_LOCATIONS = "\n".join(
    [
        "# A forecast changes nothing: one that a predictor did not live to give, another one\n"
        "# gives, POST or not.",
        _predictor_location("= /predict_timeseries", f"{FORECAST_KILOBYTES}k"),
        _predictor_location("= /forecast", f"{FORECASTS_MEGABYTES}m"),
        _predictor_location("= /predict_image", f"{PICTURE_MEGABYTES}m"),
        _predictor_location("= /classify", f"{PICTURES_MEGABYTES}m"),
        _predictor_location("~ ^/(models|health_check)$", "1k"),
    ]
)

_REST = """\
# Nothing else goes through: neither /metrics, which Prometheus reads at the services themselves,
# nor /update_model, which is for this machine alone.
location / {
    default_type application/json;
    return 404 '{"status":"error","message":"there is nothing at this path"}';
}
location @mlops_too_large {
    default_type application/json;
    return 413 '{"status":"error","message":"the body is larger than this path takes"}';
}
location @mlops_too_many {
    default_type application/json;
    add_header   Retry-After  1 always;
    add_header   X-Request-ID $request_id always;
    return 429 '{"status":"error","message":"too many requests: come again in a second"}';
}
location @mlops_away {
    default_type application/json;
    add_header   Retry-After  1 always;
    add_header   X-Request-ID $request_id always;
    return 503 '{"status":"error","message":"nothing answers here: try again in a second"}';
}
"""
