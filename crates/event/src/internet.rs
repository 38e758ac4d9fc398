//! What the simulated internet saw: conversations, and what was said in them.

use crate::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Address.
    pub address: IpAddr,
    /// Port; of ICMP echo the identifier on the environment's side; else 0.
    pub port: u16,
}

/// How it is known which process a conversation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// The sensor read this own end from the socket that the process connected.
    Connect,
    /// The sensor read this own end from the socket that the process sent with.
    Send,
    /// The sensor read this own end from the socket that the process bound.
    Bind,
    /// Its own end was gone when the call returned; only one process called for this remote end.
    Peer,
    /// It is not known.
    Unknown,
}

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowRef {
    /// Number of the conversation within the run, from 1 in the order of first packets.
    pub id: u64,
    /// `tcp`, `udp`, `icmp`, `icmp6`, or the number of another IP protocol.
    pub protocol: String,
    /// The environment's end.
    pub local: End,
    /// The end that the simulated internet plays.
    pub remote: End,
    /// How its process is known.
    pub attribution: Attribution,
}

/// `network.dns`: a question put to a name server, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The conversation.
    pub flow: FlowRef,
    /// The name asked for, without the last dot.
    pub name: Text,
    /// Type by name (`A`, `TXT`), else `TYPE` and its number.
    pub query: String,
    /// Answer's code by name (`NOERROR`, `NXDOMAIN`).
    pub code: String,
    /// The answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<DnsAnswer>,
    /// A rule of the site file answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub site: bool,
}

/// One answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsAnswer {
    /// Type by name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Data, as in a zone file.
    pub data: String,
}

/// A header of a request or a response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: Text,
}

/// A body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Length in bytes, as far as it was sent.
    pub size: u64,
    /// SHA-256 of it, as far as it was sent.
    pub sha256: String,
    /// Its content is in `files/` of the bundle under that hash.
    pub stored: bool,
    /// It ended before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// `network.http`: a request and its response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The conversation.
    pub flow: FlowRef,
    /// Inside TLS.
    pub secure: bool,
    /// Version (`HTTP/1.1`, `HTTP/2.0`).
    pub version: String,
    /// Method.
    pub method: String,
    /// The host asked for: of the request, else of the TLS handshake, else the address.
    pub host: Text,
    /// Path and query, as sent.
    pub target: Text,
    /// Headers of the request.
    pub request_headers: Vec<Header>,
    /// Body of the request, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<Body>,
    /// Status of the response.
    pub status: u16,
    /// Headers of the response.
    pub response_headers: Vec<Header>,
    /// Body of the response, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<Body>,
    /// A rule of the site file answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub site: bool,
}

/// `network.tls`: a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The conversation.
    pub flow: FlowRef,
    /// The server's name that the client asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Text>,
    /// Protocols that the client offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<Text>,
    /// Versions that the client offered (`TLS1.3`, else the number).
    pub versions: Vec<String>,
    /// JA3 of the client's hello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja3: Option<String>,
    /// JA4 of the client's hello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// Version agreed upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cipher suite agreed upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Protocol agreed upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Text>,
    /// The handshake was completed, and what follows is seen in plain text.
    pub decrypted: bool,
    /// The client refused the run's authority: it trusts only others, as one with a pinned certificate does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Why the handshake was not completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// `network.flow`: a conversation, told when it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// The conversation.
    pub flow: FlowRef,
    /// What spoke for the internet (`dns`, `http`, `tls`, `smtp`, `ntp`, `metadata`, `ssh`, `echo`, `sink`).
    pub service: String,
    /// From the first packet to the last, nanoseconds.
    pub duration_ns: u64,
    /// Bytes of IP packets that left the environment.
    pub bytes_out: u64,
    /// Bytes of IP packets that it was sent.
    pub bytes_in: u64,
    /// Packets that left the environment.
    pub packets_out: u64,
    /// Packets that it was sent.
    pub packets_in: u64,
    /// First bytes said by the environment, at most 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_out: Option<Text>,
    /// First bytes said to it, at most 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_in: Option<Text>,
    /// `closed`, `reset`, `refused`, `unanswered`, `idle`, or `open` where the run ended first.
    pub end: String,
}
