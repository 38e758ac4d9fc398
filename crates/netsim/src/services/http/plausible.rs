//! Pages that nobody wrote: harmless content of the kind that a path's ending asks for.

use super::answer::Content;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

/// An answer: status, headers, body.
pub(in crate::services) type Page = (StatusCode, HeaderMap, Content);

/// What a file with this ending is, and an example of it.
const KINDS: &[(&str, &str, &[u8])] = &[
    ("html", "text/html; charset=utf-8", HTML),
    ("htm", "text/html; charset=utf-8", HTML),
    ("php", "text/html; charset=utf-8", HTML),
    ("sh", "text/x-shellscript", b"#!/bin/sh\nexit 0\n"),
    ("bash", "text/x-shellscript", b"#!/bin/bash\nexit 0\n"),
    ("py", "text/x-python", b"#!/usr/bin/env python3\n"),
    ("pl", "text/x-perl", b"#!/usr/bin/perl\nexit 0;\n"),
    ("js", "text/javascript", b"\"use strict\";\n"),
    ("css", "text/css", b"body { margin: 0 }\n"),
    ("json", "application/json", b"{}\n"),
    ("xml", "application/xml", b"<?xml version=\"1.0\"?>\n<root/>\n"),
    ("txt", "text/plain; charset=utf-8", b"ok\n"),
    ("conf", "text/plain; charset=utf-8", b"# empty\n"),
    ("yaml", "application/yaml", b"{}\n"),
    ("yml", "application/yaml", b"{}\n"),
    ("csv", "text/csv", b"id,value\n"),
    ("png", "image/png", PNG),
    ("gif", "image/gif", GIF),
    ("jpg", "image/jpeg", JPEG),
    ("jpeg", "image/jpeg", JPEG),
    ("ico", "image/x-icon", b"\0\0\x01\0\0\0"),
    ("svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"),
    ("pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n"),
    ("zip", "application/zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("gz", "application/gzip", GZIP),
    ("tgz", "application/gzip", GZIP),
    ("exe", "application/octet-stream", b"MZ"),
    ("elf", "application/octet-stream", b"\x7fELF"),
    ("bin", "application/octet-stream", b"\0"),
    ("so", "application/octet-stream", b"\x7fELF"),
    ("deb", "application/vnd.debian.binary-package", b"!<arch>\n"),
];

const HTML: &[u8] =
    b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>It works.</p></body></html>\n";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";
const JPEG: &[u8] = b"\xff\xd8\xff\xd9";
/// One transparent pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";
/// Nothing, compressed.
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";

/// A page for any request.
pub(super) fn page(method: &Method, path: &str) -> Page {
    let body = match *method {
        Method::OPTIONS | Method::DELETE => Content::empty(),
        _ => Content::bytes(find(path).2),
    };
    (StatusCode::OK, HeaderMap::new(), body)
}

/// The page of a server that has nothing.
pub(super) fn missing() -> Page {
    let mut headers = HeaderMap::new();
    headers.insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/html"));
    let body =
        b"<html>\n<head><title>404 Not Found</title></head>\n<body><h1>404 Not Found</h1></body>\n</html>\n";
    (StatusCode::NOT_FOUND, headers, Content::bytes(&body[..]))
}

/// The type of what lies at `path`.
pub(super) fn kind(path: &str) -> &'static str {
    find(path).1
}

fn find(path: &str) -> (&'static str, &'static str, &'static [u8]) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    *KINDS.iter().find(|(known, _, _)| *known == ending).unwrap_or(&KINDS[0])
}
