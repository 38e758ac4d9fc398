//! What clouds tell their machines at 169.254.169.254: as AWS, Google and Azure do, with credentials that are baits.

use super::Peer;
use super::http::{Content, Page};
use crate::context::Context;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

/// The answer to a request. Baits in it are told: whoever asks for them reads them.
pub(super) fn answer(peer: &Peer, head: &Parts) -> Page {
    let context = &peer.net.context;
    let page = page(context, head);
    if head.method != Method::HEAD {
        context.gives(&peer.key, page.2.known());
    }
    page
}

fn page(context: &Context, head: &Parts) -> Page {
    let credentials = &context.settings.credentials;
    let path = head.uri.path().trim_end_matches('/');
    let has = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    let text = |body: &str| ok("text/plain", body);
    let json = |body: String| ok("application/json", &body);
    if has("metadata-flavor") == Some(b"Google") {
        return google(context, path);
    }
    if path.starts_with("/metadata")
        && has("metadata").is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    {
        return match path {
            "/metadata/identity/oauth2/token" => json(format!(
                r#"{{"access_token":"{}","client_id":"7a2b1f0e-55c3-4d0a-9c80-3f1f6a1d2b11","expires_in":"86399","expires_on":"1893456000","resource":"https://management.azure.com/","token_type":"Bearer"}}"#,
                credentials.token
            )),
            "/metadata/instance" => json(
                r#"{"compute":{"location":"westeurope","name":"vm-1","osType":"Linux","provider":"Microsoft.Compute","resourceGroupName":"production","subscriptionId":"1f6a1d2b-55c3-4d0a-9c80-7a2b1f0e3f1f","vmSize":"Standard_D2s_v3"}}"#.into(),
            ),
            _ => missing(),
        };
    }
    match (&head.method, path) {
        (&Method::PUT, "/latest/api/token") => text("AQAEAHh0b2tlbi1mb3ItaW5zdGFuY2UtbWV0YWRhdGE="),
        (_, "") => text("1.0\nlatest\n"),
        (_, "/latest") => text("dynamic\nmeta-data\nuser-data\n"),
        (_, "/latest/meta-data") => text("ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-ipv4\nplacement/\n"),
        (_, "/latest/meta-data/ami-id") => text("ami-0c55b159cbfafe1f0"),
        (_, "/latest/meta-data/instance-id") => text("i-0a1b2c3d4e5f60718"),
        (_, "/latest/meta-data/instance-type") => text("m5.large"),
        (_, "/latest/meta-data/hostname") => text("ip-10-0-0-17.eu-central-1.compute.internal"),
        (_, "/latest/meta-data/local-ipv4") => text("10.0.0.17"),
        (_, "/latest/meta-data/placement/region") => text("eu-central-1"),
        (_, "/latest/meta-data/iam" | "/latest/meta-data/iam/security-credentials") => text(ROLE),
        (_, path) if path.strip_prefix("/latest/meta-data/iam/security-credentials/") == Some(ROLE) => json(format!(
            "{{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-01-01T00:00:00Z\",\n  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"{}\",\n  \"SecretAccessKey\" : \"{}\",\n  \"Token\" : \"{}\",\n  \"Expiration\" : \"2035-01-01T00:00:00Z\"\n}}",
            credentials.access_key, credentials.secret_key, credentials.token
        )),
        (_, "/latest/dynamic/instance-identity/document") => json(
            r#"{"accountId":"123456789012","architecture":"x86_64","availabilityZone":"eu-central-1a","imageId":"ami-0c55b159cbfafe1f0","instanceId":"i-0a1b2c3d4e5f60718","instanceType":"m5.large","privateIp":"10.0.0.17","region":"eu-central-1","version":"2017-09-30"}"#.into(),
        ),
        _ => missing(),
    }
}

/// The role of the machine.
const ROLE: &str = "production-instance";

fn google(context: &Context, path: &str) -> Page {
    let rest = path.strip_prefix("/computeMetadata/v1").unwrap_or(path);
    let token = &context.settings.credentials.token;
    let (kind, body) = match rest {
        "" => ("text/plain", "instance/\nproject/\n".to_owned()),
        "/project/project-id" => ("text/plain", "production-1".into()),
        "/instance/hostname" => ("text/plain", "vm-1.europe-west3-a.c.production-1.internal".into()),
        "/instance/zone" => ("text/plain", "projects/123456789012/zones/europe-west3-a".into()),
        "/instance/service-accounts" => ("text/plain", "default/\n".into()),
        "/instance/service-accounts/default/email" => {
            ("text/plain", "123456789012-compute@developer.gserviceaccount.com".into())
        }
        "/instance/service-accounts/default/token" => (
            "application/json",
            format!(r#"{{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}}"#),
        ),
        _ => return missing(),
    };
    let (status, mut headers, content) = ok(kind, &body);
    headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
    (status, headers, content)
}

fn ok(kind: &'static str, body: &str) -> Page {
    let mut headers = HeaderMap::new();
    headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    (StatusCode::OK, headers, Content::bytes(body.to_owned()))
}

fn missing() -> Page {
    (StatusCode::NOT_FOUND, HeaderMap::new(), Content::empty())
}
