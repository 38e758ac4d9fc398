//! The baits that every environment has unless the profile says otherwise.

use super::{Bait, BaitKind};
use crate::identity::Identity;
use crate::rng::Rng;

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The default baits for root's home and the user's: the same seed and identity give the same values.
pub fn default_set(seed: u64, identity: &Identity) -> Vec<Bait> {
    let mut rng = Rng::new(seed, "baits");
    let mut baits = Vec::new();
    for (who, home) in [("root", "/root".to_owned()), (identity.user.as_str(), identity.home())] {
        let short = if who == "root" { "root" } else { "user" };
        let file = |name: &str, path: &str, mode: u32, value: String| Bait {
            name: format!("{short}_{name}"),
            kind: BaitKind::File { path: format!("{home}/{path}"), mode },
            value,
        };
        let token = rng.text(36, ALNUM);
        let password = rng.text(14, ALNUM);
        let (private, public) = ssh_key(&mut rng, who, &identity.hostname);
        baits.push(file("history", ".bash_history", 0o600, history(&mut rng, &token, &password)));
        baits.push(file("ssh_key", ".ssh/id_ed25519", 0o600, private));
        baits.push(file("ssh_public_key", ".ssh/id_ed25519.pub", 0o644, public));
        baits.push(file("aws_credentials", ".aws/credentials", 0o600, aws(&mut rng)));
        baits.push(file("kube_config", ".kube/config", 0o600, kube(&mut rng)));
        let git = format!("https://{who}:ghp_{token}@github.com\n");
        baits.push(file("git_credentials", ".git-credentials", 0o600, git));
    }
    for (name, value) in [
        ("GITHUB_TOKEN", format!("ghp_{}", rng.text(36, ALNUM))),
        ("AWS_ACCESS_KEY_ID", format!("AKIA{}", rng.text(16, UPPER))),
        ("AWS_SECRET_ACCESS_KEY", rng.text(40, BASE64)),
    ] {
        baits.push(Bait {
            name: format!("env_{}", name.to_lowercase()),
            kind: BaitKind::Env { name: name.into() },
            value,
        });
    }
    let role = "http://169.254.169.254/latest/meta-data/iam/security-credentials/production-instance";
    let token = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
    for (name, url, value) in [
        ("metadata_access_key", role, format!("ASIA{}", rng.text(16, UPPER))),
        ("metadata_secret_key", role, rng.text(40, BASE64)),
        ("metadata_token", token, format!("ya29.{}", rng.text(120, ALNUM))),
    ] {
        baits.push(Bait { name: name.into(), kind: BaitKind::Answer { url: url.into() }, value });
    }
    baits
}

fn history(rng: &mut Rng, token: &str, password: &str) -> String {
    let host = format!("10.{}.{}.{}", rng.below(250), rng.below(250), 2 + rng.below(250));
    format!(
        "ls -la\ncd /var/log\nsudo systemctl status nginx\nssh deploy@{host}\nmysql -h {host} -u app -p{password}\n\
         git clone https://ghp_{token}@github.com/acme/infra.git\nkubectl get pods -A\naws s3 ls\nexit\n"
    )
}

fn aws(rng: &mut Rng) -> String {
    format!(
        "[default]\naws_access_key_id = AKIA{}\naws_secret_access_key = {}\n",
        rng.text(16, UPPER),
        rng.text(40, BASE64)
    )
}

fn kube(rng: &mut Rng) -> String {
    let server = format!("10.{}.{}.10", rng.below(250), rng.below(250));
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://{server}:6443\n\
         contexts:\n- name: prod\n  context:\n    cluster: prod\n    user: admin\ncurrent-context: prod\nusers:\n\
         - name: admin\n  user:\n    token: {}.{}.{}\n",
        rng.text(36, ALNUM),
        rng.text(120, ALNUM),
        rng.text(43, ALNUM)
    )
}

/// Two files with the look of an OpenSSH key pair: right framing and lengths, random content. Nobody can log in
/// anywhere with it.
fn ssh_key(rng: &mut Rng, who: &str, host: &str) -> (String, String) {
    let comment = format!("{who}@{host}");
    let public = rng.bytes(32);
    let secret = rng.bytes(32);
    let check = rng.bytes(4);
    let mut blob = Vec::new();
    field(&mut blob, b"ssh-ed25519");
    field(&mut blob, &public);
    let mut inner = [check.clone(), check].concat();
    field(&mut inner, b"ssh-ed25519");
    field(&mut inner, &public);
    field(&mut inner, &[secret, public].concat());
    field(&mut inner, comment.as_bytes());
    for pad in 1..=8u8 {
        if inner.len() % 8 == 0 {
            break;
        }
        inner.push(pad);
    }
    let mut key = b"openssh-key-v1\0".to_vec();
    field(&mut key, b"none");
    field(&mut key, b"none");
    field(&mut key, b"");
    key.extend_from_slice(&1u32.to_be_bytes());
    field(&mut key, &blob);
    field(&mut key, &inner);
    let mut text = String::from("-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for line in base64(&key).as_bytes().chunks(70) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END OPENSSH PRIVATE KEY-----\n");
    (text, format!("ssh-ed25519 {} {comment}\n", base64(&blob)))
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let at = (n >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { char::from(BASE64[at as usize]) } else { '=' });
        }
    }
    out
}

/// A password hash that nothing hashes to.
pub(crate) fn password_hash(seed: u64, label: &'static str) -> String {
    let mut rng = Rng::new(seed, label);
    let alphabet = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    format!("$6${}${}", rng.text(16, alphabet), rng.text(86, alphabet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_baits_again_and_another_seed_others() {
        let identity = Identity::from_seed(1);
        assert_eq!(default_set(5, &identity), default_set(5, &identity));
        let (a, b) = (default_set(5, &identity), default_set(6, &identity));
        assert!(a.iter().zip(&b).all(|(a, b)| a.name == b.name && a.value != b.value));
    }

    #[test]
    fn base64_is_what_everybody_else_means_by_it() {
        assert_eq!([base64(b"f"), base64(b"fo"), base64(b"foobar")], ["Zg==", "Zm8=", "Zm9vYmFy"]);
    }
}
