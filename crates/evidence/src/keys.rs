//! The Ed25519 keys that bundles are signed with.
//!
//! The own key lives in `keys/signing.pem` of the data folder (PKCS#8 PEM, mode 0600) and is made at first use.
//! A key is named by its id: `sha256:` and the SHA-256 of its public half as DER SubjectPublicKeyInfo.

use crate::error::{At, EvidenceError, Result};
use crate::hash::sha256_hex;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest key file that is read.
const MAX_KEY_FILE: u64 = 16 * 1024;

/// A private key, to sign bundles.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// A public key, to check bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl SigningKey {
    /// The key with these 32 secret bytes.
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// A new random key.
    pub fn generate() -> io::Result<Self> {
        let mut secret = [0; 32];
        let mut filled = 0;
        while filled < secret.len() {
            filled += rustix::rand::getrandom(&mut secret[filled..], rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(Self::from_bytes(&secret))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The private key as PKCS#8 PEM (version 1, the form that `openssl genpkey` writes).
    pub fn to_pem(&self) -> String {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).expect("32 bytes fit a PKCS#8 document").to_string()
    }

    /// The key in `pem`, PKCS#8.
    pub fn from_pem(pem: &str) -> std::result::Result<Self, String> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(SigningKey).map_err(|e| {
            format!(
                "{e}; an Ed25519 private key as PKCS#8 PEM is needed (`openssl genpkey -algorithm ed25519`)"
            )
        })
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// The key with these 32 bytes, where they are a point of the curve.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(PublicKey)
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its id: `sha256:` and the SHA-256 of its DER SubjectPublicKeyInfo.
    pub fn id(&self) -> String {
        let der = self.0.to_public_key_der().expect("32 bytes fit a SubjectPublicKeyInfo");
        format!("sha256:{}", sha256_hex(der.as_bytes()))
    }

    /// SubjectPublicKeyInfo PEM, as other tools take it.
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("32 bytes fit a SubjectPublicKeyInfo")
    }

    /// The key in `pem`, SubjectPublicKeyInfo.
    pub fn from_pem(pem: &str) -> std::result::Result<Self, String> {
        VerifyingKey::from_public_key_pem(pem)
            .map(PublicKey)
            .map_err(|e| format!("{e}; an Ed25519 public key as PEM is needed (`detektr key export-public`)"))
    }

    pub(crate) fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Where the own key lies in the data folder `home`.
pub fn own_key_path(home: &Path) -> PathBuf {
    home.join("keys/signing.pem")
}

/// The own key of the data folder `home`, made where there is none. Safe against others doing the same at once:
/// all get the same key.
pub fn load_or_create(home: &Path) -> Result<SigningKey> {
    let path = own_key_path(home);
    match load(&path) {
        Err(EvidenceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let key = SigningKey::generate().at("make random bytes for", &path)?;
    match put(&path, key.to_pem().as_bytes(), false) {
        Ok(()) => Ok(key),
        Err(EvidenceError::Exists(_)) => load(&path),
        Err(e) => Err(e),
    }
}

/// The private key in the file `path`.
pub fn load(path: &Path) -> Result<SigningKey> {
    SigningKey::from_pem(&read_text(path)?).map_err(|why| EvidenceError::Key { path: path.to_owned(), why })
}

/// The public key in the file `path`: SubjectPublicKeyInfo PEM, or the public half of a private key.
pub fn load_public(path: &Path) -> Result<PublicKey> {
    let text = read_text(path)?;
    match PublicKey::from_pem(&text) {
        Ok(key) => Ok(key),
        Err(why) => match SigningKey::from_pem(&text) {
            Ok(key) => Ok(key.public()),
            Err(_) => Err(EvidenceError::Key { path: path.to_owned(), why }),
        },
    }
}

/// Makes the private key in the file `from` the own key of `home`. An own key that is there already is kept as
/// `keys/signing-ID.pem`, so that nothing signed by it becomes a stranger's.
pub fn import(home: &Path, from: &Path) -> Result<PublicKey> {
    let key = load(from)?;
    let path = own_key_path(home);
    match load(&path) {
        Ok(old) if old.public() == key.public() => return Ok(key.public()),
        Ok(old) => {
            let id = old.public().id();
            let kept = path.with_file_name(format!("signing-{}.pem", &id["sha256:".len()..][..16]));
            put(&kept, old.to_pem().as_bytes(), true)?;
        }
        Err(EvidenceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    put(&path, key.to_pem().as_bytes(), true)?;
    Ok(key.public())
}

/// The public halves of the own key of `home` and of those that were the own key before; none is made.
pub fn own_public_keys(home: &Path) -> Result<Vec<PublicKey>> {
    let own = own_key_path(home);
    let folder = own.parent().expect("a key lies in a folder");
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", folder)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.at("read", folder)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "signing.pem" || (name.starts_with("signing-") && name.ends_with(".pem")) {
            paths.push(path);
        }
    }
    // the own key first
    paths.sort_by_key(|path| (*path != own, path.clone()));
    paths.iter().map(|path| load(path).map(|key| key.public())).collect()
}

/// The public half of the own key of `home` as PEM; the key is made where there is none.
pub fn export_public(home: &Path) -> Result<String> {
    Ok(load_or_create(home)?.public().to_pem())
}

fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = File::open(path).at("open", path)?;
    let length = file.take(MAX_KEY_FILE + 1).read_to_string(&mut text).at("read", path)?;
    if length as u64 > MAX_KEY_FILE {
        let why = "it is longer than any key; PEM is needed".to_owned();
        return Err(EvidenceError::Key { path: path.to_owned(), why });
    }
    Ok(text)
}

/// Writes a private file whole or not at all: under another name first, then linked (or, to replace, renamed)
/// to its own.
fn put(path: &Path, content: &[u8], replace: bool) -> Result<()> {
    let folder = path.parent().expect("a key lies in a folder");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).at("create", folder)?;
    let mut unique = [0; 8];
    rustix::rand::getrandom(&mut unique, rustix::rand::GetRandomFlags::empty())
        .at("make random bytes for", path)?;
    let temporary = folder.join(format!(".new-{}", crate::hash::hex(&unique)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.sync_all()?;
        if replace {
            fs::rename(&temporary, path)?;
        } else {
            fs::hard_link(&temporary, path)?;
        }
        File::open(folder)?.sync_all()
    })();
    // after a rename nothing is there to remove, and that is well
    let _ = fs::remove_file(&temporary);
    match written {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !replace => {
            Err(EvidenceError::Exists(path.to_owned()))
        }
        other => other.at("write", path),
    }
}
