//! DSSE envelopes around in-toto statements, signed with Ed25519 (<https://github.com/secure-systems-lab/dsse>).
//!
//! Every byte of an envelope is fixed by what it says: [`open`] writes again what it has read and demands the same
//! bytes, so that no bit of it, signed or not, can change unseen.

use crate::keys::{PublicKey, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// DSSE payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Type of an in-toto statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

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

/// A thing that a statement is about.
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

/// A statement that names the key that signs it, so that the envelope's unsigned `keyid` need not be believed.
pub trait Signed: Serialize + DeserializeOwned {
    /// The public half of the signing key, 64 hexadecimal digits.
    fn public_key(&self) -> &str;
}

/// The bytes of the envelope around `statement`.
pub fn sign<S: Signed>(statement: &S, key: &SigningKey) -> Vec<u8> {
    let payload = serde_json::to_vec(statement).expect("a statement is JSON");
    let signature = key.sign(&pae(PAYLOAD_TYPE, &payload));
    envelope(&payload, &key.public(), &signature)
}

/// Reads an envelope and checks its form and its signature; says what is wrong otherwise.
pub fn open<S: Signed>(bytes: &[u8]) -> Result<(S, PublicKey), String> {
    let read: Envelope = serde_json::from_slice(bytes).map_err(|e| format!("not an envelope: {e}"))?;
    if read.payload_type != PAYLOAD_TYPE {
        return Err(format!("payload type {:?} is not {PAYLOAD_TYPE}", read.payload_type));
    }
    let payload = BASE64.decode(&read.payload).map_err(|e| format!("payload: {e}"))?;
    let [signature] = &read.signatures;
    let sig = BASE64.decode(&signature.sig).map_err(|e| format!("signature: {e}"))?;
    let sig = <[u8; 64]>::try_from(sig).map_err(|_| "the signature has not 64 bytes".to_owned())?;
    let statement: S =
        serde_json::from_slice(&payload).map_err(|e| format!("payload is not a statement: {e}"))?;
    let signer = public_key(statement.public_key()).ok_or("the public key is none")?;
    if signature.keyid != signer.id() {
        return Err(format!("keyid {:?} is not that of the key, {}", signature.keyid, signer.id()));
    }
    if serde_json::to_vec(&statement).expect("a statement is JSON") != payload
        || envelope(&payload, &signer, &sig) != bytes
    {
        return Err("its bytes are not the canonical ones".into());
    }
    if !signer.verify_strict(&pae(PAYLOAD_TYPE, &payload), &sig) {
        return Err("the signature does not match".into());
    }
    Ok((statement, signer))
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
