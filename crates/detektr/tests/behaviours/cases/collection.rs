//! Collection.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        "secrets-archived",
        "tar -cf /tmp/act-secrets.tar /root/.ssh",
        "mkdir -p /tmp/plain-folder; echo x > /tmp/plain-folder/x; tar -cf /tmp/plain.tar /tmp/plain-folder",
    ),
    case(
        "documents-collected",
        "mkdir -p /tmp/act-papers; cd /tmp/act-papers; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo x > $n.docx; done; cat *.docx",
        "mkdir -p /tmp/papers; cd /tmp/papers; for n in 1 2 3; do echo x > $n.docx; done; cat *.docx *.docx *.docx *.docx",
    ),
    case(
        "staged-in-hidden-folder",
        "mkdir -p /var/tmp/.act-stage; for n in 1 2 3 4 5 6; do echo x > /var/tmp/.act-stage/$n; done",
        "mkdir -p /var/tmp/stage; for n in 1 2 3 4 5 6; do echo x > /var/tmp/stage/$n; done",
    ),
    case("screen-read", "cat /dev/fb0", "head -c 1 /dev/urandom"),
    case("keyboard-read", "cat /dev/input/event0", "ls /dev"),
    case(
        "mail-read",
        "mkdir -p /var/mail; echo x > /var/mail/root; cat /var/mail/root",
        "mkdir -p /var/mail; ls -l /var/mail; echo x > /tmp/mail; cat /tmp/mail",
    ),
];
