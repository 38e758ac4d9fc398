//! A name server that knows every name.

use super::Peer;
use super::prefixed::Prefixed;
use crate::context::Context;
use crate::mode::Mode;
use crate::names;
use crate::packet::Key;
use crate::site::DnsAnswers;
use detektr_event::{Detail, Dns, DnsAnswer, Text};
use simple_dns::rdata::{A, AAAA, CNAME, MX, NS, PTR, RData, SOA, SRV, SVCB, TXT};
use simple_dns::{CLASS, CharacterString, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The most that fits into a datagram of a client that says nothing of larger ones.
pub(super) const UDP: usize = 512;
/// The most that is sent in a datagram, whatever the client takes.
const LARGEST: usize = 4096;
/// How long answers may be kept, in seconds.
const TTL: u32 = 300;

/// Answers questions that come over a stream, each with its length before it.
pub(super) async fn serve(peer: Peer, mut stream: Prefixed) -> io::Result<()> {
    peer.net.context.serves(&peer.key, "dns");
    loop {
        let length = match stream.read_u16().await {
            Ok(length) => usize::from(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return stream.shutdown().await,
            Err(error) => return Err(error),
        };
        let mut question = vec![0; length];
        stream.read_exact(&mut question).await?;
        let Some(answer) = answer(&peer.net.context, &peer.key, &question, None) else {
            return stream.shutdown().await;
        };
        stream.write_all(&u16::try_from(answer.len()).unwrap_or(0).to_be_bytes()).await?;
        stream.write_all(&answer).await?;
    }
}

/// The answer to `question`, and told; `None` where it is no question. `bound` is the most that the answer may be,
/// where the client doesn't allow more.
pub(super) fn answer(context: &Context, key: &Key, question: &[u8], bound: Option<usize>) -> Option<Vec<u8>> {
    // an answer, or too short even for a header
    if question.len() < 12 || question[2] & 0x80 != 0 {
        return None;
    }
    let Ok(packet) = Packet::parse(question) else { return Some(refusal(question)) };
    let mut reply = Packet::new_reply(packet.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    if packet.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    let bound = bound.map(|bound| {
        packet.opt().map_or(bound, |opt| usize::from(opt.udp_packet_size).clamp(bound, LARGEST))
    });
    // more than one question is asked by nobody
    let Some(asked) = packet.questions.first() else { return Some(refusal(question)) };
    let name = text(&asked.qname);
    context.asked(key, &name);
    let found = look_up(context, &name, asked.qtype);
    *reply.rcode_mut() = if found.exists { RCODE::NoError } else { RCODE::NameError };
    let records: Vec<Record> = found.records;
    for record in &records {
        if let Some(data) = record.data() {
            reply.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, TTL, data));
        }
        if let (Record::Address(address), true) = (record, !found.reverse) {
            context.names.borrow_mut().given(&name, *address);
        }
    }
    reply.questions.push(asked.clone());
    let mut bytes = reply.build_bytes_vec_compressed().ok()?;
    if bound.is_some_and(|bound| bytes.len() > bound) {
        reply.answers.clear();
        reply.set_flags(PacketFlag::TRUNCATION);
        bytes = reply.build_bytes_vec_compressed().ok()?;
    }
    let dns = Dns {
        flow: context.reference(key),
        name: Text::from(name.as_str()),
        query: type_name(asked.qtype),
        code: if found.exists { "NOERROR" } else { "NXDOMAIN" }.into(),
        answers: records.iter().map(Record::told).collect(),
        site: found.site,
    };
    context.tell_now(Detail::NetworkDns { network: Box::new(dns) });
    Some(bytes)
}

/// Whether a datagram to a port of no name server is a question for one all the same: whole, and nothing but that.
pub(super) fn asks(content: &[u8]) -> bool {
    // a question with no other flag than that for recursion
    let begins = content.len() > 16 && content[2] & 0xfe == 0 && content[4..6] == [0, 1];
    begins
        && Packet::parse(content).is_ok_and(|packet| {
            packet.questions.len() == 1 && packet.answers.is_empty() && packet.name_servers.is_empty()
        })
}

/// The address of a name, as whoever asks for it is told.
pub(super) fn address(context: &Context, name: &str) -> Option<IpAddr> {
    [TYPE::A, TYPE::AAAA].into_iter().find_map(|wanted| {
        look_up(context, name, QTYPE::TYPE(wanted)).records.into_iter().find_map(|record| match record {
            Record::Address(address) => Some(address),
            _ => None,
        })
    })
}

/// A format error, for what can't be read.
fn refusal(question: &[u8]) -> Vec<u8> {
    let mut answer = question[..12].to_vec();
    answer[2] = 0x80 | (question[2] & 0x79);
    answer[3] = 1;
    answer[4..12].fill(0);
    answer
}

/// What is known of a name.
struct Found {
    exists: bool,
    reverse: bool,
    site: bool,
    records: Vec<Record>,
}

/// A record of the name that was asked for.
enum Record {
    Address(IpAddr),
    Text(String),
    Alias(String),
    Mail(String),
    Server(String),
    Pointer(String),
    Start(String),
    Service(String),
    Https(Vec<IpAddr>),
}

fn look_up(context: &Context, name: &str, query: QTYPE) -> Found {
    let QTYPE::TYPE(wanted) = query else {
        let wanted = [TYPE::A, TYPE::AAAA];
        let records = wanted.into_iter().flat_map(|wanted| synthetic(name, wanted)).collect();
        return Found { exists: true, reverse: false, site: false, records };
    };
    if let Some(answer) = context.settings.site.dns(name) {
        let (exists, records) = match answer {
            DnsAnswers::Nxdomain => (false, Vec::new()),
            DnsAnswers::Records { addresses, txt, cname, mx } => {
                let addresses = addresses.iter().filter(|address| match wanted {
                    TYPE::A => address.is_ipv4(),
                    TYPE::AAAA => address.is_ipv6(),
                    _ => false,
                });
                let mut records: Vec<Record> = addresses.map(|address| Record::Address(*address)).collect();
                match wanted {
                    TYPE::TXT => records.extend(txt.iter().cloned().map(Record::Text)),
                    TYPE::MX => records.extend(mx.iter().cloned().map(Record::Mail)),
                    TYPE::CNAME | TYPE::A | TYPE::AAAA => {
                        records.extend(cname.iter().cloned().map(Record::Alias));
                    }
                    _ => {}
                }
                (true, records)
            }
        };
        return Found { exists, reverse: false, site: true, records };
    }
    if let Some(address) = reversed(name) {
        let known = context.names.borrow().of(address).map(str::to_owned);
        let exists = known.is_some() || context.settings.mode != Mode::SimNx;
        let pointer = known
            .unwrap_or_else(|| format!("host-{}.example.net", address.to_string().replace(['.', ':'], "-")));
        let records = if exists && wanted == TYPE::PTR { vec![Record::Pointer(pointer)] } else { Vec::new() };
        return Found { exists, reverse: true, site: false, records };
    }
    let exists = context.settings.mode != Mode::SimNx;
    let records = if exists { synthetic(name, wanted) } else { Vec::new() };
    Found { exists, reverse: false, site: false, records }
}

/// What a name has that nobody gave anything.
fn synthetic(name: &str, wanted: TYPE) -> Vec<Record> {
    let below = |label: &str| if name.is_empty() { label.to_owned() } else { format!("{label}.{name}") };
    vec![match wanted {
        TYPE::A => Record::Address(names::v4(name).into()),
        TYPE::AAAA => Record::Address(names::v6(name).into()),
        TYPE::TXT => Record::Text("v=spf1 mx -all".into()),
        TYPE::CNAME => Record::Alias(below("edge")),
        TYPE::MX => Record::Mail(below("mail")),
        TYPE::NS => Record::Server(below("ns1")),
        TYPE::SOA => Record::Start(name.to_owned()),
        TYPE::SRV => Record::Service(below("host")),
        TYPE::HTTPS => Record::Https(vec![names::v4(name).into(), names::v6(name).into()]),
        _ => return Vec::new(),
    }]
}

impl Record {
    /// As the library has it; `None` where a name in it is too long.
    fn data(&self) -> Option<RData<'_>> {
        let name = |text: &str| Name::new(text).ok().map(Name::into_owned);
        Some(match self {
            Record::Address(IpAddr::V4(address)) => RData::A(A { address: u32::from(*address) }),
            Record::Address(IpAddr::V6(address)) => RData::AAAA(AAAA { address: u128::from(*address) }),
            Record::Text(text) => {
                let mut txt = TXT::new();
                txt.add_char_string(CharacterString::new(text.as_bytes()).ok()?);
                RData::TXT(txt)
            }
            Record::Alias(to) => RData::CNAME(CNAME(name(to)?)),
            Record::Mail(to) => RData::MX(MX { preference: 10, exchange: name(to)? }),
            Record::Server(to) => RData::NS(NS(name(to)?)),
            Record::Pointer(to) => RData::PTR(PTR(name(to)?)),
            Record::Start(zone) => RData::SOA(SOA {
                mname: name(&format!("ns1.{zone}"))?,
                rname: name(&format!("hostmaster.{zone}"))?,
                serial: 2_024_010_101,
                refresh: 7200,
                retry: 3600,
                expire: 1_209_600,
                minimum: 300,
            }),
            Record::Service(to) => RData::SRV(SRV { priority: 10, weight: 10, port: 443, target: name(to)? }),
            Record::Https(addresses) => {
                let mut https = SVCB::new(1, name("")?);
                let protocols = [CharacterString::new(b"h2").ok()?, CharacterString::new(b"http/1.1").ok()?];
                https.set_alpn(&protocols);
                let v4: Vec<u32> = addresses
                    .iter()
                    .filter_map(|a| match a {
                        IpAddr::V4(a) => Some(u32::from(*a)),
                        IpAddr::V6(_) => None,
                    })
                    .collect();
                let v6: Vec<u128> = addresses
                    .iter()
                    .filter_map(|a| match a {
                        IpAddr::V6(a) => Some(u128::from(*a)),
                        IpAddr::V4(_) => None,
                    })
                    .collect();
                https.set_ipv4hint(&v4);
                https.set_ipv6hint(&v6);
                RData::HTTPS(https.into_owned().into())
            }
        })
    }

    fn told(&self) -> DnsAnswer {
        let (kind, data) = match self {
            Record::Address(address @ IpAddr::V4(_)) => ("A", address.to_string()),
            Record::Address(address @ IpAddr::V6(_)) => ("AAAA", address.to_string()),
            Record::Text(text) => ("TXT", text.clone()),
            Record::Alias(to) => ("CNAME", to.clone()),
            Record::Mail(to) => ("MX", format!("10 {to}")),
            Record::Server(to) => ("NS", to.clone()),
            Record::Pointer(to) => ("PTR", to.clone()),
            Record::Start(zone) => ("SOA", format!("ns1.{zone} hostmaster.{zone}")),
            Record::Service(to) => ("SRV", format!("10 10 443 {to}")),
            Record::Https(_) => ("HTTPS", "1 . alpn=h2,http/1.1".into()),
        };
        DnsAnswer { kind: kind.into(), data }
    }
}

/// The name as text: bytes that are no printable ASCII, and dots within labels, as `\DDD`.
fn text(name: &Name<'_>) -> String {
    let mut text = String::new();
    for label in name.as_bytes() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
                0x21..=0x7e => text.push(char::from(*byte)),
                other => text.push_str(&format!("\\{other:03}")),
            }
        }
    }
    text
}

fn type_name(query: QTYPE) -> String {
    match query {
        QTYPE::TYPE(TYPE::Unknown(number)) => format!("TYPE{number}"),
        QTYPE::TYPE(known) => format!("{known:?}"),
        other => format!("{other:?}"),
    }
}

/// The address that a name below `in-addr.arpa` or `ip6.arpa` stands for.
fn reversed(name: &str) -> Option<IpAddr> {
    let name = name.to_ascii_lowercase();
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let mut octets: Vec<u8> = labels.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        octets.reverse();
        return <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into());
    }
    let labels = name.strip_suffix(".ip6.arpa")?;
    let mut number = 0u128;
    let mut count = 0;
    for label in labels.split('.').rev() {
        number =
            number.checked_mul(16)? | u128::from_str_radix(label, 16).ok().filter(|digit| *digit < 16)?;
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from(number).into())
}
