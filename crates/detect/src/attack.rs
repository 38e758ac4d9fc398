//! The names of MITRE ATT&CK (Enterprise, v19.1): all tactics, the techniques that behaviours of Detektr name, and what became
//! of revoked ids. ATT&CK is a work of The MITRE Corporation.

/// A tactic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tactic {
    /// `TA0003`.
    pub id: &'static str,
    /// Its name in Sigma tags.
    pub tag: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// A technique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Technique {
    /// `T1053.003`.
    pub id: &'static str,
    /// Its name; a sub-technique's own.
    pub name: &'static str,
    /// The tactics that it serves, by their tags.
    pub tactics: &'static [&'static str],
}

/// The tactic of a tag; older rules write `_` for `-`.
pub fn tactic(tag: &str) -> Option<&'static Tactic> {
    TACTICS.iter().find(|tactic| tactic.tag == tag.replace('_', "-"))
}

/// The technique of an id.
pub fn technique(id: &str) -> Option<&'static Technique> {
    TECHNIQUES.iter().find(|technique| technique.id == id)
}

/// The id that took the place of a revoked one; any other stays as it is.
pub fn current(id: &str) -> &str {
    REVOKED.iter().find(|(old, _)| *old == id).map_or(id, |(_, new)| new)
}

const fn tactic_of(id: &'static str, tag: &'static str, name: &'static str) -> Tactic {
    Tactic { id, tag, name }
}

const fn of(id: &'static str, name: &'static str, tactics: &'static [&'static str]) -> Technique {
    Technique { id, name, tactics }
}

/// Every tactic.
pub const TACTICS: &[Tactic] = &[
    tactic_of("TA0001", "initial-access", "Initial Access"),
    tactic_of("TA0002", "execution", "Execution"),
    tactic_of("TA0003", "persistence", "Persistence"),
    tactic_of("TA0004", "privilege-escalation", "Privilege Escalation"),
    tactic_of("TA0005", "stealth", "Stealth"),
    tactic_of("TA0006", "credential-access", "Credential Access"),
    tactic_of("TA0007", "discovery", "Discovery"),
    tactic_of("TA0008", "lateral-movement", "Lateral Movement"),
    tactic_of("TA0009", "collection", "Collection"),
    tactic_of("TA0010", "exfiltration", "Exfiltration"),
    tactic_of("TA0011", "command-and-control", "Command and Control"),
    tactic_of("TA0040", "impact", "Impact"),
    tactic_of("TA0042", "resource-development", "Resource Development"),
    tactic_of("TA0043", "reconnaissance", "Reconnaissance"),
    tactic_of("TA0112", "defense-impairment", "Defense Impairment"),
];

/// The techniques in use.
pub const TECHNIQUES: &[Technique] = &[
    of("T1003.007", "Proc Filesystem", &["credential-access"]),
    of("T1003.008", "/etc/passwd and /etc/shadow", &["credential-access"]),
    of("T1005", "Data from Local System", &["collection"]),
    of("T1006", "Direct Volume Access", &["stealth"]),
    of("T1014", "Rootkit", &["stealth"]),
    of("T1016", "System Network Configuration Discovery", &["discovery"]),
    of("T1018", "Remote System Discovery", &["discovery"]),
    of("T1021.002", "SMB/Windows Admin Shares", &["lateral-movement"]),
    of("T1021.004", "SSH", &["lateral-movement"]),
    of("T1027.004", "Compile After Delivery", &["stealth"]),
    of("T1033", "System Owner/User Discovery", &["discovery"]),
    of("T1036.004", "Masquerade Task or Service", &["stealth"]),
    of("T1036.005", "Match Legitimate Resource Name or Location", &["stealth"]),
    of("T1036.006", "Space after Filename", &["stealth"]),
    of("T1036.007", "Double File Extension", &["stealth"]),
    of("T1036.009", "Break Process Trees", &["stealth"]),
    of("T1036.011", "Overwrite Process Arguments", &["stealth"]),
    of("T1037.004", "RC Scripts", &["persistence", "privilege-escalation"]),
    of("T1040", "Network Sniffing", &["credential-access", "discovery"]),
    of("T1041", "Exfiltration Over C2 Channel", &["exfiltration"]),
    of("T1046", "Network Service Discovery", &["discovery"]),
    of("T1048", "Exfiltration Over Alternative Protocol", &["exfiltration"]),
    of("T1048.002", "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol", &["exfiltration"]),
    of("T1049", "System Network Connections Discovery", &["discovery"]),
    of("T1053.002", "At", &["execution", "persistence", "privilege-escalation"]),
    of("T1053.003", "Cron", &["execution", "persistence", "privilege-escalation"]),
    of("T1053.006", "Systemd Timers", &["execution", "persistence", "privilege-escalation"]),
    of("T1055", "Process Injection", &["privilege-escalation", "stealth"]),
    of("T1055.008", "Ptrace System Calls", &["privilege-escalation", "stealth"]),
    of("T1055.009", "Proc Memory", &["privilege-escalation", "stealth"]),
    of("T1056.001", "Keylogging", &["collection", "credential-access"]),
    of("T1057", "Process Discovery", &["discovery"]),
    of("T1059.004", "Unix Shell", &["execution"]),
    of("T1068", "Exploitation for Privilege Escalation", &["privilege-escalation"]),
    of("T1070.003", "Clear Command History", &["stealth"]),
    of("T1070.004", "File Deletion", &["stealth"]),
    of("T1070.006", "Timestomp", &["stealth"]),
    of("T1071", "Application Layer Protocol", &["command-and-control"]),
    of("T1071.004", "DNS", &["command-and-control"]),
    of("T1074.001", "Local Data Staging", &["collection"]),
    of("T1082", "System Information Discovery", &["discovery"]),
    of("T1083", "File and Directory Discovery", &["discovery"]),
    of("T1087.001", "Local Account", &["discovery"]),
    of("T1090.003", "Multi-hop Proxy", &["command-and-control"]),
    of("T1095", "Non-Application Layer Protocol", &["command-and-control"]),
    of("T1098.004", "SSH Authorized Keys", &["persistence", "privilege-escalation"]),
    of("T1098.007", "Additional Local or Domain Groups", &["persistence", "privilege-escalation"]),
    of("T1105", "Ingress Tool Transfer", &["command-and-control"]),
    of("T1106", "Native API", &["execution"]),
    of("T1113", "Screen Capture", &["collection"]),
    of("T1119", "Automated Collection", &["collection"]),
    of("T1136.001", "Local Account", &["persistence"]),
    of("T1140", "Deobfuscate/Decode Files or Information", &["stealth"]),
    of("T1204.002", "Malicious File", &["execution"]),
    of("T1222.002", "Linux and Mac Permissions", &["defense-impairment"]),
    of("T1485", "Data Destruction", &["impact"]),
    of("T1486", "Data Encrypted for Impact", &["impact"]),
    of("T1489", "Service Stop", &["impact"]),
    of("T1490", "Inhibit System Recovery", &["impact"]),
    of("T1496.001", "Compute Hijacking", &["impact"]),
    of("T1497.001", "System Checks", &["discovery", "stealth"]),
    of("T1497.003", "Time Based Checks", &["discovery", "stealth"]),
    of("T1505.003", "Web Shell", &["persistence"]),
    of("T1518.001", "Security Software Discovery", &["discovery"]),
    of("T1529", "System Shutdown/Reboot", &["impact"]),
    of("T1531", "Account Access Removal", &["impact"]),
    of("T1543.002", "Systemd Service", &["persistence", "privilege-escalation"]),
    of("T1546", "Event Triggered Execution", &["persistence", "privilege-escalation"]),
    of("T1546.004", "Unix Shell Configuration Modification", &["persistence", "privilege-escalation"]),
    of("T1546.016", "Installer Packages", &["persistence", "privilege-escalation"]),
    of("T1546.017", "Udev Rules", &["persistence", "privilege-escalation"]),
    of("T1546.018", "Python Startup Hooks", &["persistence", "privilege-escalation"]),
    of("T1547.006", "Kernel Modules and Extensions", &["persistence", "privilege-escalation"]),
    of("T1547.013", "XDG Autostart Entries", &["persistence", "privilege-escalation"]),
    of("T1548", "Abuse Elevation Control Mechanism", &["privilege-escalation"]),
    of("T1548.001", "Setuid and Setgid", &["privilege-escalation"]),
    of("T1548.003", "Sudo and Sudo Caching", &["privilege-escalation"]),
    of("T1552", "Unsecured Credentials", &["credential-access"]),
    of("T1552.001", "Credentials In Files", &["credential-access"]),
    of("T1552.003", "Shell History", &["credential-access"]),
    of("T1552.004", "Private Keys", &["credential-access"]),
    of("T1552.007", "Container API", &["credential-access"]),
    of("T1553.004", "Install Root Certificate", &["defense-impairment"]),
    of("T1554", "Compromise Host Software Binary", &["persistence"]),
    of("T1555", "Credentials from Password Stores", &["credential-access"]),
    of("T1555.003", "Credentials from Web Browsers", &["credential-access"]),
    of(
        "T1556.003",
        "Pluggable Authentication Modules",
        &["credential-access", "defense-impairment", "persistence"],
    ),
    of("T1560.001", "Archive via Utility", &["collection"]),
    of("T1561", "Disk Wipe", &["impact"]),
    of("T1563.001", "SSH Hijacking", &["lateral-movement"]),
    of("T1564", "Hide Artifacts", &["stealth"]),
    of("T1564.001", "Hidden Files and Directories", &["stealth"]),
    of("T1564.011", "Ignore Process Interrupts", &["stealth"]),
    of("T1565.001", "Stored Data Manipulation", &["impact"]),
    of("T1569.003", "Systemctl", &["execution"]),
    of("T1571", "Non-Standard Port", &["command-and-control"]),
    of("T1574.006", "Dynamic Linker Hijacking", &["execution", "stealth"]),
    of("T1609", "Container Administration Command", &["execution"]),
    of("T1611", "Escape to Host", &["privilege-escalation"]),
    of("T1620", "Reflective Code Loading", &["stealth"]),
    of("T1622", "Debugger Evasion", &["discovery", "stealth"]),
    of("T1652", "Device Driver Discovery", &["discovery"]),
    of("T1654", "Log Enumeration", &["discovery"]),
    of("T1685", "Disable or Modify Tools", &["defense-impairment"]),
    of("T1685.004", "Disable or Modify Linux Audit System Log", &["defense-impairment"]),
    of("T1685.006", "Clear Linux or Mac System Logs", &["defense-impairment"]),
    of("T1686", "Disable or Modify System Firewall", &["defense-impairment"]),
    of("T1690", "Prevent Command History Logging", &["defense-impairment"]),
];

/// Ids that version 19 revoked, and what took their place.
const REVOKED: &[(&str, &str)] = &[
    ("T1070.001", "T1685.005"),
    ("T1070.002", "T1685.006"),
    ("T1562", "T1685"),
    ("T1562.001", "T1685"),
    ("T1562.002", "T1685.001"),
    ("T1562.003", "T1690"),
    ("T1562.004", "T1686"),
    ("T1562.006", "T1685"),
    ("T1562.007", "T1686.001"),
    ("T1562.008", "T1685.002"),
    ("T1562.010", "T1689"),
    ("T1562.012", "T1685.004"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoked_ids_become_those_that_took_their_place() {
        assert_eq!(current("T1562.001"), "T1685");
        assert_eq!(current("T1053.003"), "T1053.003");
        assert!(REVOKED.iter().all(|(old, new)| technique(old).is_none() && current(new) == *new));
    }

    #[test]
    fn the_table_is_in_order_and_names_tactics_that_exist() {
        assert!(TECHNIQUES.is_sorted_by(|a, b| a.id < b.id));
        assert!(TECHNIQUES.iter().flat_map(|technique| technique.tactics).all(|tag| tactic(tag).is_some()));
        assert_eq!(tactic("defense_impairment").map(|tactic| tactic.id), Some("TA0112"));
    }
}
