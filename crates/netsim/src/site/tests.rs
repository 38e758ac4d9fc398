use super::*;
use std::collections::BTreeSet;

fn read(text: &str) -> Result<Site, String> {
    Site::parse(text, Path::new("/nowhere/site.yaml")).map_err(|error| match error {
        SiteError::Invalid { problems, .. } => {
            problems.iter().map(|problem| format!("{problem}\n")).collect()
        }
        other => other.to_string(),
    })
}

#[test]
fn a_site_answers_with_its_first_rule_that_fits() {
    let site = read(
        "detektr: 1\n\
         dns:\n  - {name: 'gone.*', nxdomain: true}\n  - {name: '*.example', addresses: [203.0.113.5, '2001:db8::5']}\n\
         http:\n  - {host: cdn.example, path: '/x*', method: GET, status: 404}\n  - {path: /x, body: hello, headers: {X-A: b}}\n\
         refuse:\n  - {host: '10.*', port: 4444}\n",
    )
    .expect("it is right");
    assert_eq!(site.dns("gone.example"), Some(&DnsAnswers::Nxdomain));
    assert!(
        matches!(site.dns("A.EXAMPLE"), Some(DnsAnswers::Records { addresses, .. }) if addresses.len() == 2)
    );
    assert_eq!(site.dns("example"), None);
    let status = |host, path, method| site.http(host, path, method).map(|rule| rule.status);
    assert_eq!(status("cdn.example", "/x/y", "get"), Some(404));
    assert_eq!(status("cdn.example", "/x", "POST"), Some(200));
    assert_eq!(status("other", "/y", "GET"), None);
    assert!(site.refuses(None, [10, 1, 2, 3].into(), 4444));
    assert!(
        !site.refuses(None, [10, 1, 2, 3].into(), 4445) && !site.refuses(None, [11, 1, 2, 3].into(), 4444)
    );
    assert_eq!(site.sha256.map(|hash| hash.len()), Some(64));
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let cases = [
        ("dns: []\n", "1:1: the version of the format is missing"),
        ("detektr: 2\n", "1:10: a site file of format 2; this Detektr reads format 1"),
        ("detektr: 1\nhttps: []\n", "2:1: a site file has no key `https`"),
        ("detektr: 1\ndns:\n  - {nxdomain: true}\n", "3:5: a rule of `dns` needs a `name`"),
        ("detektr: 1\ndns:\n  - {name: a}\n", "3:5: a rule without an answer"),
        (
            "detektr: 1\ndns:\n  - {name: a, nxdomain: true, txt: [b]}\n",
            "3:5: a name that does not exist has no records",
        ),
        ("detektr: 1\ndns:\n  - {name: a, addresses: [300.1.1.1]}\n", "3:27: `300.1.1.1` is no address"),
        ("detektr: 1\nhttp:\n  - {status: 99}\n", "3:14: `status` can't be `99`"),
        ("detektr: 1\nhttp:\n  - {body: a, zeros: 1}\n", "3:5: `body`, `file` and `zeros` say the same"),
        (
            "detektr: 1\nhttp:\n  - {file: x}\n",
            "3:12: can't use /nowhere/x: No such file or directory (os error 2)",
        ),
        ("detektr: 1\nhttp:\n  - {headers: {'a b': c}}\n", "3:23: `a b: c` is no header"),
        ("detektr: 1\nrefuse:\n  - {port: 0}\n", "3:12: `port` can't be `0`"),
        ("detektr: 1\nhttp: {}\n", "2:7: `http` is a group of keys, where a list belongs"),
    ];
    for (text, wanted) in cases {
        let told = read(text).expect_err(text);
        let wanted = format!("/nowhere/site.yaml:{wanted}");
        assert!(told.lines().any(|line| line == wanted), "{text}{told}");
    }
}

#[test]
fn patterns_take_any_text_and_any_letter() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("a*c", "abbbc", true),
        ("a*c", "abbb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*.Example", "www.eXample", true),
        ("**a**", "a", true),
        ("", "a", false),
    ] {
        assert_eq!(Pattern::new(pattern).matches(text), fits, "{pattern} {text}");
    }
    // no pattern takes longer than its length times the text's
    assert!(!Pattern::new(&"*a".repeat(200)).matches(&"a".repeat(199)));
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema = serde_json::to_value(schemars::schema_for!(SiteFile)).expect("schemas serialise");
    let keys = |object: &serde_json::Value| -> BTreeSet<String> {
        object["properties"].as_object().expect("properties").keys().cloned().collect()
    };
    let read = |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
    assert_eq!(keys(&schema), read(read::KEYS));
    for (name, known) in [("DnsForm", read::DNS), ("HttpForm", read::HTTP), ("RefuseForm", read::REFUSE)] {
        assert_eq!(keys(&schema["$defs"][name]), read(known), "{name}");
    }
}
