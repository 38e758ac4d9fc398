//! The seal: an in-toto Statement v1 about artifact and manifest, in a DSSE envelope, signed with Ed25519.
//!
//! Every byte of the attestation is fixed by what it says: [`read`] writes again what it has read and demands
//! the same bytes, so that no bit of it, signed or not, can change unseen.

use crate::hash::sha256_hex;
use crate::keys::{PublicKey, SigningKey};
use crate::manifest::{Artifact, Manifest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// DSSE payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Type of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Type of what is said about the subjects.
pub const PREDICATE_TYPE: &str = "https://detektr.dev/detonation/v1";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [EnvelopeSignature; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// `https://in-toto.io/Statement/v1`.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The artifact, then the manifest.
    pub subject: [Subject; 2],
    /// `https://detektr.dev/detonation/v1`.
    pub predicate_type: String,
    /// What is said about them.
    pub predicate: Predicate,
}

/// A thing that the statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its name within the statement.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
}

/// A digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What is said: this run of the artifact is told by this manifest, sealed with this key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// Format of the bundle.
    pub format: String,
    /// Id of the run.
    pub run: String,
    /// Version of the program that sealed it.
    pub tool_version: String,
    /// The signing key's public half, 64 hexadecimal digits.
    pub public_key: String,
}

/// An attestation that was read and found signed by the key that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// What it says.
    pub statement: Statement,
    /// Who says it.
    pub signer: PublicKey,
}

/// The digest that stands for the artifact: that of its file, or for a command of its words, each followed by
/// a NUL byte.
pub fn artifact_digest(artifact: &Artifact) -> String {
    artifact.sha256.clone().unwrap_or_else(|| {
        let mut words = Vec::new();
        for word in &artifact.argv {
            words.extend_from_slice(word.as_bytes());
            words.push(0);
        }
        sha256_hex(&words)
    })
}

/// The statement about `manifest`, whose file is `manifest_bytes`, as signed by `signer`.
pub(crate) fn statement(manifest: &Manifest, manifest_bytes: &[u8], signer: &PublicKey) -> Statement {
    let subject = |name: String, sha256: String| Subject { name, digest: Digest { sha256 } };
    Statement {
        statement_type: STATEMENT_TYPE.into(),
        subject: [
            subject(format!("artifact/{}", manifest.artifact.name), artifact_digest(&manifest.artifact)),
            subject("manifest.json".into(), sha256_hex(manifest_bytes)),
        ],
        predicate_type: PREDICATE_TYPE.into(),
        predicate: Predicate {
            format: manifest.format.clone(),
            run: manifest.run.clone(),
            tool_version: manifest.tool_version.clone(),
            public_key: crate::hash::hex(&signer.to_bytes()),
        },
    }
}

/// The bytes of `attestation.dsse.json` for `statement`.
pub(crate) fn sign(statement: &Statement, key: &SigningKey) -> Vec<u8> {
    let payload = serde_json::to_vec(statement).expect("a statement is JSON");
    let signature = key.sign(&pae(PAYLOAD_TYPE, &payload));
    envelope(&payload, &key.public(), &signature)
}

/// Reads `attestation.dsse.json` and checks its form and its signature; says what is wrong otherwise.
pub fn read(bytes: &[u8]) -> Result<Attestation, String> {
    let envelope_read: Envelope =
        serde_json::from_slice(bytes).map_err(|e| format!("not an envelope: {e}"))?;
    if envelope_read.payload_type != PAYLOAD_TYPE {
        return Err(format!("payload type {:?} is not {PAYLOAD_TYPE}", envelope_read.payload_type));
    }
    let payload = BASE64.decode(&envelope_read.payload).map_err(|e| format!("payload: {e}"))?;
    let [signature] = &envelope_read.signatures;
    let sig = BASE64.decode(&signature.sig).map_err(|e| format!("signature: {e}"))?;
    let sig = <[u8; 64]>::try_from(sig).map_err(|_| "the signature has not 64 bytes".to_owned())?;
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|e| format!("payload is not a statement: {e}"))?;
    let signer = public_key(&statement.predicate.public_key).ok_or("the public key is none")?;
    if signature.keyid != signer.id() {
        return Err(format!("keyid {:?} is not that of the key, {}", signature.keyid, signer.id()));
    }
    if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        return Err("the statement is of another type".into());
    }
    if serde_json::to_vec(&statement).expect("a statement is JSON") != payload
        || envelope(&payload, &signer, &sig) != bytes
    {
        return Err("its bytes are not the canonical ones".into());
    }
    if !signer.verify_strict(&pae(PAYLOAD_TYPE, &payload), &sig) {
        return Err("the signature does not match".into());
    }
    Ok(Attestation { statement, signer })
}

/// DSSE's pre-authentication encoding: what the signature covers.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

fn envelope(payload: &[u8], signer: &PublicKey, signature: &[u8; 64]) -> Vec<u8> {
    let envelope = Envelope {
        payload: BASE64.encode(payload),
        payload_type: PAYLOAD_TYPE.into(),
        signatures: [EnvelopeSignature { keyid: signer.id(), sig: BASE64.encode(signature) }],
    };
    let mut bytes = serde_json::to_vec(&envelope).expect("an envelope is JSON");
    bytes.push(b'\n');
    bytes
}

fn public_key(hex: &str) -> Option<PublicKey> {
    if !crate::hash::is_sha256(hex) {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
    }
    PublicKey::from_bytes(&bytes)
}
