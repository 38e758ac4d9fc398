//! The certificate authority of one run, and the certificates that it makes for every name asked for.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::sync::Arc;

/// How the authority calls itself.
const NAME: &str = "Global Trust Root R1";

/// A certificate authority that nobody outside of its run trusts.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// One key for all leaves: making keys takes longest.
    leaf: KeyPair,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("making a certificate")]
pub struct AuthorityError(#[from] rcgen::Error);

impl Authority {
    /// A new authority with keys of its own.
    ///
    /// # Errors
    /// Where the key generator fails.
    pub fn new() -> Result<Authority, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2045, 1, 1));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Authority { issuer, leaf: KeyPair::generate()? })
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its certificate as DER.
    pub fn der(&self) -> &[u8] {
        self.issuer.der()
    }

    /// A certificate for `host`: a name or an address.
    pub(crate) fn certificate(&self, host: &str) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let mut params = CertificateParams::default();
        let address = host.parse::<IpAddr>();
        params.distinguished_name = name(if host.len() <= 64 { host } else { "host" });
        params.subject_alt_names = match address {
            Ok(address) => vec![SanType::IpAddress(address)],
            // a name that can't stand in a certificate gets one without: the client will refuse it
            Err(_) => host.try_into().map(SanType::DnsName).into_iter().collect(),
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2024, 1, 1), rcgen::date_time_ymd(2044, 1, 1));
        let certificate = params.signed_by(&self.leaf, &self.issuer)?;
        let chain = vec![certificate.der().clone(), CertificateDer::from(self.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.leaf.serialize_der()));
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&key)
            .map_err(|_| rcgen::Error::UnsupportedSignatureAlgorithm)?;
        Ok(Arc::new(CertifiedKey::new(chain, key)))
    }
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, DnValue::Utf8String(text.into()));
    name
}
