//! What clouds tell their machines at 169.254.169.254: as AWS, Google and Azure do, with credentials that are baits.

use super::Peer;
use super::http::{Content, Page};
use crate::context::Context;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::collections::BTreeSet;

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
        return google(context, path, head.uri.query());
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

/// What Google's machines are told, beside what is a bait: files by their path, in the order in which they are listed.
const GOOGLE: [(&str, &str); 10] = [
    ("/instance/hostname", "vm-1.europe-west3-a.c.production-1.internal"),
    ("/instance/id", "4520031799277581759"),
    ("/instance/machine-type", "projects/123456789012/machineTypes/e2-standard-2"),
    ("/instance/name", "vm-1"),
    ("/instance/service-accounts/default/aliases", "default\n"),
    ("/instance/service-accounts/default/email", "123456789012-compute@developer.gserviceaccount.com"),
    ("/instance/service-accounts/default/scopes", "https://www.googleapis.com/auth/cloud-platform\n"),
    ("/instance/zone", "projects/123456789012/zones/europe-west3-a"),
    ("/project/numeric-project-id", "123456789012"),
    ("/project/project-id", "production-1"),
];
const GOOGLE_TOKEN: &str = "/instance/service-accounts/default/token";
/// What client libraries ask for at once, as JSON.
const GOOGLE_ACCOUNT: &str = r#"{"aliases":["default"],"email":"123456789012-compute@developer.gserviceaccount.com","scopes":["https://www.googleapis.com/auth/cloud-platform"]}"#;

fn google(context: &Context, path: &str, query: Option<&str>) -> Page {
    let Some(rest) = path.strip_prefix("/computeMetadata/v1") else {
        return if path.is_empty() { flavoured("text/plain", "computeMetadata/\n") } else { missing() };
    };
    let recursive = query.is_some_and(|query| query.split('&').any(|word| word == "recursive=true"));
    if rest == GOOGLE_TOKEN {
        let token = &context.settings.credentials.token;
        let body = format!(r#"{{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}}"#);
        return flavoured("application/json", &body);
    }
    if let Some((_, body)) = GOOGLE.iter().find(|(path, _)| *path == rest) {
        return flavoured("text/plain", body);
    }
    match rest {
        "/instance/service-accounts" if recursive => {
            flavoured("application/json", &format!(r#"{{"default":{GOOGLE_ACCOUNT}}}"#))
        }
        "/instance/service-accounts/default" if recursive => flavoured("application/json", GOOGLE_ACCOUNT),
        folder => listing(folder).map_or_else(missing, |list| flavoured("text/plain", &list)),
    }
}

/// What is in a folder of Google's, a line each, folders with a slash; `None` where there is no such folder.
fn listing(folder: &str) -> Option<String> {
    let paths = GOOGLE.iter().map(|(path, _)| *path).chain([GOOGLE_TOKEN]);
    let inside = paths.filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
    let names: BTreeSet<String> = inside
        .map(|rest| rest.split_once('/').map_or_else(|| rest.to_owned(), |(name, _)| format!("{name}/")))
        .collect();
    (!names.is_empty()).then(|| names.into_iter().map(|name| name + "\n").collect())
}

fn flavoured(kind: &'static str, body: &str) -> Page {
    let (status, mut headers, content) = ok(kind, body);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_list_what_is_in_them_and_nothing_else_is_one() {
        assert_eq!(listing("").as_deref(), Some("instance/\nproject/\n"));
        assert_eq!(listing("/project").as_deref(), Some("numeric-project-id\nproject-id\n"));
        assert_eq!(
            listing("/instance/service-accounts/default").as_deref(),
            Some("aliases\nemail\nscopes\ntoken\n")
        );
        for none in ["/proj", "/project/project-id", "/nothing", "/instance/service-accounts/other"] {
            assert_eq!(listing(none), None, "{none}");
        }
    }
}
