//! Profiles that are right are read as they stand; of those that are not, every mistake is told.

use super::limits::KEYS as LIMITS;
use super::read::KEYS;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn parse(text: &str) -> Result<Profile, ProfileError> {
    Profile::parse(text, Path::new("lab/web.yaml"))
}

/// The mistakes as people read them, with the lines of the file.
fn message(text: &str) -> String {
    let error = parse(text).expect_err("the profile must be refused");
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .with_links(false)
        .with_width(110);
    let mut shown = String::new();
    handler.render_report(&mut shown, &error).expect("memory takes it");
    shown
}

macro_rules! golden {
    ($name:literal, $text:expr) => {
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!($name, message($text));
        })
    };
}

#[test]
fn a_whole_profile_is_read_as_it_stands() {
    let text = "\
# Everything at once: ü
detektr: 1
rootfs: {image: images/debian.tar}
user: root
limits:
  wall: 1m30s
  cpus: 0.5
  memory: 512MiB
  processes: 64
  file_size: 1.5 MiB
  disk: 2GB
  output: 4096
setenv:
  PORT: 8080
  EMPTY: \"\"
  GREETING: 'hello: world'
hostname: web-1.example
network: sim-404
site: site.yaml
baits: false
sensor: ptrace
io_uring: refuse
observe: [stat]
trigger: [login, reboot]
";
    let expected = Profile {
        rootfs: Some(ProfileRootfs::Image("lab/images/debian.tar".into())),
        user: Some(RunAs::Root),
        limits: ProfileLimits {
            wall: Some(Duration::from_secs(90)),
            cpus: Some(0.5),
            memory: Some(512 << 20),
            processes: Some(64),
            file_size: Some(3 << 19),
            disk: Some(2_000_000_000),
            output: Some(4096),
        },
        setenv: [("PORT", "8080"), ("EMPTY", ""), ("GREETING", "hello: world")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        hostname: Some("web-1.example".into()),
        network: Some(ProfileNetwork::Sim404),
        site: Some("lab/site.yaml".into()),
        baits: Some(false),
        sensor: Some(ProfileSensor::Ptrace),
        io_uring: Some(IoUring::Refuse),
        observe_stat: Some(true),
        trigger: Some(vec![ProfileTrigger::Login, ProfileTrigger::Reboot]),
    };
    assert_eq!(parse(text).expect("it is right"), expected);
}

#[test]
fn what_a_profile_leaves_out_stays_as_it_is() {
    let profile = parse("detektr: 1\ntimeout: 5\n").expect("it is right");
    let limits = profile.limits.over(Limits::default());
    assert_eq!(limits, Limits { wall: Duration::from_secs(5), ..Limits::default() });
    let limits = ProfileLimits { wall: Some(Duration::from_secs(5)), ..ProfileLimits::default() };
    assert_eq!(profile, Profile { limits, ..Profile::default() });
    let profile = parse("detektr: 1\nrootfs: host\n").expect("it is right");
    assert_eq!(profile.rootfs, Some(ProfileRootfs::Host));
    let profile = parse("detektr: 1\nrootfs:\n  dir: /srv/root\n").expect("it is right");
    assert_eq!(profile.rootfs, Some(ProfileRootfs::Dir("/srv/root".into())));
}

#[test]
fn misspelt_keys_and_values_are_told_with_the_right_ones() {
    golden!(
        "misspelt",
        "detektr: 1\nuesr: root\nlimits:\n  memroy: 1GiB\n  file-size: 1MiB\n  colour: red\nsensor: epbf\nuser: admin\nio_uring: 'on'\n"
    );
}

#[test]
fn wrong_types_and_values_out_of_range_are_told() {
    golden!(
        "types",
        "detektr: 1\nbaits: on\nhostname: -web\nlimits:\n  cpus: many\n  memory: 12 potatoes\n  processes: 0\n  wall: 8d\n\
         setenv: [a, b]\nobserve: stat\nrootfs: {dir: a, image: b}\nuser:\n"
    );
}

#[test]
fn a_real_network_is_refused_with_the_reason() {
    golden!("network_host", "detektr: 1\nnetwork: host\n");
}

#[test]
fn broken_yaml_and_what_profiles_do_not_take_is_told() {
    golden!("yaml", "detektr: 1\nsetenv:\n  A: \"never closed\n");
    golden!("duplicate", "detektr: 1\nuser: root\nuser: user\n");
    golden!("anchor", "detektr: 1\nsetenv: &all\n  A: b\n");
    golden!("second_document", "detektr: 1\n---\ndetektr: 1\n");
    golden!("wide_characters", "# äöü ☃\ndetektr: 1\nhöst: {ü: 1}\n");
}

#[test]
fn versions_are_demanded_and_unknown_ones_refused_by_name() {
    golden!("no_version", "user: root\n");
    golden!("new_version", "detektr: 2\n");
    golden!("empty", "# nothing\n");
    golden!("two_timeouts", "detektr: 1\ntimeout: 5s\nlimits: {wall: 6s}\n");
}

#[test]
fn a_missing_file_is_told_by_name() {
    let error = Profile::read(Path::new("/nonexistent/profile.yaml")).expect_err("there is no such file");
    assert_eq!(error.to_string(), "can't read the profile /nonexistent/profile.yaml");
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schemars::schema_for!(ProfileFile);
    let keys = |schema: &serde_json::Value| -> BTreeSet<String> {
        schema["properties"].as_object().expect("properties").keys().cloned().collect()
    };
    let known = |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
    let schema = schema.as_value();
    assert_eq!(keys(schema), known(KEYS));
    assert_eq!(schema["required"], serde_json::json!(["detektr"]));
    assert_eq!(keys(&schema["$defs"]["LimitsForm"]), known(LIMITS));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\\n\\tä☃]{0,200}") {
        if let Err(ProfileError::Invalid { problems, .. }) = parse(&text) {
            prop_assert!(problems.iter().all(|problem| problem.line >= 1 && problem.column >= 1));
        }
    }

    #[test]
    fn no_mix_of_keys_and_values_makes_the_reader_panic(
        entries in prop::collection::vec(
            (prop::sample::select(KEYS.to_vec()), "(\\[|\\{)?[a-z0-9:. ~&*!\"'-]{0,12}(\\]|\\})?"), 0..6)
    ) {
        let text: String = entries.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        if let Err(error) = parse(&text) {
            let is_invalid = matches!(error, ProfileError::Invalid { .. });
            prop_assert!(is_invalid);
        }
    }

    #[test]
    fn sizes_and_times_are_never_misread(count in 0u64..1 << 40, milliseconds in 0u64..1 << 40) {
        prop_assert_eq!(size(&format!("{count}")), Some(count));
        prop_assert_eq!(size(&format!("{count}KiB")), Some(count << 10));
        prop_assert_eq!(duration(&format!("{milliseconds}ms")), Some(Duration::from_millis(milliseconds)));
    }
}
