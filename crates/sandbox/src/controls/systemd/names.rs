//! Which directives there are, and which of them change nothing here or can't be enforced, with the reason.

use crate::controls::paths::Access;

/// Why a directive changes nothing here.
pub(super) const NOT_APPLICABLE: [(&str, &[&str]); 6] = [
    (
        "the environment has its own",
        &["PrivateMounts", "PrivateIPC", "MountFlags", "MountAPIVFS", "KeyringMode", "PAMName"],
    ),
    ("the environment is gone after the run", &["RemoveIPC", "UtmpIdentifier", "UtmpMode", "IgnoreSIGPIPE"]),
    ("the environment has no real devices", &["DevicePolicy", "DeviceAllow"]),
    ("it only logs", &["SystemCallLog"]),
    (
        "it takes part in what runs, not in what that may do",
        &[
            "WorkingDirectory",
            "Environment",
            "EnvironmentFile",
            "PassEnvironment",
            "UnsetEnvironment",
            "ExecSearchPath",
            "Type",
            "BusName",
            "PIDFile",
            "RemainAfterExit",
            "GuessMainPID",
            "NonBlocking",
            "NotifyAccess",
            "Sockets",
            "FileDescriptorStoreMax",
            "FileDescriptorStorePreserve",
            "OpenFile",
            "RootDirectoryStartOnly",
            "SuccessExitStatus",
            "SetCredential",
            "SetCredentialEncrypted",
            "LoadCredential",
            "LoadCredentialEncrypted",
            "ImportCredential",
            "ExitType",
            "Nice",
            "SendSIGHUP",
            "SendSIGKILL",
            "FinalKillSignal",
            "KillMode",
            "KillSignal",
            "RestartKillSignal",
            "OOMPolicy",
            "OOMScoreAdjust",
            "TimerSlackNSec",
            "CoredumpFilter",
            "Slice",
            "Delegate",
            "DelegateSubgroup",
            "DisableControllers",
            "RuntimeMaxSec",
            "RuntimeRandomizedExtraSec",
            "SurviveFinalKillSignal",
            "ReloadSignal",
            "NUMAPolicy",
            "NUMAMask",
            "AllowedCPUs",
            "AllowedMemoryNodes",
            "StateDirectoryMode",
            "RuntimeDirectoryMode",
            "CacheDirectoryMode",
            "LogsDirectoryMode",
            "ConfigurationDirectory",
            "ConfigurationDirectoryMode",
            "RuntimeDirectoryPreserve",
            "USBFunctionDescriptors",
            "USBFunctionStrings",
        ],
    ),
    (
        "it is how much is used, not what may be done: `limits` bounds that",
        &[
            "TasksAccounting",
            "MemoryAccounting",
            "CPUAccounting",
            "IOAccounting",
            "IPAccounting",
            "BlockIOAccounting",
        ],
    ),
];

/// Families of directives that change nothing here.
pub(super) const PREFIXES: [&str; 22] = [
    "Exec",
    "Restart",
    "Timeout",
    "Start",
    "Watchdog",
    "Log",
    "Standard",
    "Syslog",
    "TTY",
    "CPU",
    "IO",
    "BlockIO",
    "ManagedOOM",
    "Startup",
    "SuccessAction",
    "FailureAction",
    "JobTimeout",
    "MemoryLow",
    "MemoryMin",
    "MemoryPressure",
    "CPUScheduling",
    "X-",
];

/// What can't be enforced, and why.
pub(super) const UNENFORCEABLE: [(&str, &[&str]); 6] = [
    (
        "this version puts no security module's labels on",
        &["AppArmorProfile", "SELinuxContext", "SmackProcessLabel"],
    ),
    (
        "this version puts no program on the cgroup",
        &[
            "IPAddressDeny",
            "IPAddressAllow",
            "IPIngressFilterPath",
            "IPEgressFilterPath",
            "SocketBindAllow",
            "SocketBindDeny",
            "RestrictNetworkInterfaces",
            "RestrictFileSystems",
            "BPFProgram",
            "NFTSet",
        ],
    ),
    (
        "the environment has a root file system of its own choice",
        &[
            "RootDirectory",
            "RootImage",
            "RootImageOptions",
            "RootHash",
            "RootHashSignature",
            "RootVerity",
            "RootEphemeral",
            "ExtensionImages",
            "ExtensionDirectories",
            "MountImages",
            "BindPaths",
            "BindReadOnlyPaths",
        ],
    ),
    (
        "the environment's namespaces are chosen beforehand",
        &[
            "PrivateUsers",
            "PrivatePIDs",
            "NetworkNamespacePath",
            "IPCNamespacePath",
            "PrivateNetwork",
            "UserNamespacePath",
        ],
    ),
    ("`/proc` is mounted before the controls are put on", &["ProtectProc", "ProcSubset"]),
    (
        "this version has no such measure",
        &[
            "SecureBits",
            "SupplementaryGroups",
            "MemoryHigh",
            "MemorySwapMax",
            "MemoryZSwapMax",
            "Personality",
            "MemoryKSM",
        ],
    ),
];

/// Directives whose value is a boolean and nothing else.
pub(super) const SWITCHES: [&str; 14] = [
    "NoNewPrivileges",
    "MemoryDenyWriteExecute",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "ProtectClock",
    "ProtectHostname",
    "PrivateDevices",
    "PrivateTmp",
    "DynamicUser",
];

/// Directives with one value of another kind.
const TEXTS: [&str; 13] = [
    "ProtectSystem",
    "ProtectHome",
    "User",
    "Group",
    "UMask",
    "SystemCallErrorNumber",
    "SystemCallArchitectures",
    "MemoryMax",
    "TasksMax",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "RuntimeDirectory",
];

/// Directives that list paths, with what becomes of them.
pub(super) const PATHS: [(&str, Access); 6] = [
    ("ReadOnlyPaths", Access::ReadOnly),
    ("ReadWritePaths", Access::ReadWrite),
    ("InaccessiblePaths", Access::Inaccessible),
    ("NoExecPaths", Access::Noexec),
    ("ExecPaths", Access::Exec),
    ("TemporaryFileSystem", Access::Empty),
];

/// Directives with one value: the last assignment holds.
pub(super) fn single(name: &str) -> Option<&'static str> {
    SWITCHES.into_iter().chain(TEXTS).find(|known| *known == name)
}

/// The directive that was probably meant.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    let suggestion = detektr_yaml::suggestion(name, known);
    let near = suggestion.starts_with("did you mean");
    if near { suggestion } else { "check its spelling in systemd.exec(5), or remove it".into() }
}

/// The directives that mean something here, for suggestions.
pub(super) fn known_names() -> impl Iterator<Item = &'static str> {
    let others = [
        "CapabilityBoundingSet",
        "AmbientCapabilities",
        "SystemCallFilter",
        "RestrictAddressFamilies",
        "RestrictNamespaces",
    ];
    let lists = NOT_APPLICABLE.iter().chain(&UNENFORCEABLE).flat_map(|(_, names)| names.iter().copied());
    SWITCHES.into_iter().chain(TEXTS).chain(PATHS.iter().map(|(name, _)| *name)).chain(others).chain(lists)
}
