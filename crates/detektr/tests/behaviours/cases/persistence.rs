//! Persistence.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        "cron-job",
        "echo '0 0 1 1 * root true' > /etc/cron.d/zz-job",
        "cat /etc/crontab; echo x > /tmp/cron.d",
    ),
    case(
        "at-job",
        "mkdir -p /var/spool/cron/atjobs; echo true > /var/spool/cron/atjobs/a0001",
        "mkdir -p /tmp/atjobs; echo true > /tmp/atjobs/a0001",
    ),
    case(
        "systemd-service",
        "mkdir -p /etc/systemd/system; echo '[Service]' > /etc/systemd/system/zz.service",
        "mkdir -p /run/systemd/system; echo '[Service]' > /run/systemd/system/zz.service",
    ),
    case(
        "systemd-timer",
        "mkdir -p /etc/systemd/system; echo '[Timer]' > /etc/systemd/system/zz.timer",
        "echo '[Timer]' > /tmp/zz.timer",
    ),
    case("shell-startup", "echo true >> /root/.bashrc", "cat /root/.bashrc; echo true > /root/bashrc"),
    case(
        "ssh-authorized-key",
        "mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAA x' >> /root/.ssh/authorized_keys",
        "mkdir -p /root/.ssh; echo 'Host x' > /root/.ssh/config; echo x > /tmp/authorized_keys",
    ),
    case(
        "udev-rule",
        "mkdir -p /etc/udev/rules.d; echo '# none' > /etc/udev/rules.d/99-zz.rules",
        "echo '# none' > /tmp/99-zz.rules; ls /etc/udev",
    ),
    case(
        "desktop-autostart",
        "mkdir -p /root/.config/autostart; echo '[Desktop Entry]' > /root/.config/autostart/zz.desktop",
        "mkdir -p /root/.local/share/applications; echo x > /root/.local/share/applications/zz.desktop",
    ),
    case("boot-script", "echo '#!/bin/sh' > /etc/init.d/zz", "cat /etc/init.d/*; echo x > /tmp/rc.local"),
    case(
        "login-message-script",
        "mkdir -p /etc/update-motd.d; echo '#!/bin/sh' > /etc/update-motd.d/99-zz",
        "echo welcome > /etc/motd",
    ),
    case(
        "git-hook",
        "mkdir -p /tmp/act-repo/.git/hooks; echo '#!/bin/sh' > /tmp/act-repo/.git/hooks/pre-commit",
        "mkdir -p /tmp/repo/.git/hooks; echo '#!/bin/sh' > /tmp/repo/.git/hooks/pre-commit.sample",
    ),
    case(
        "account-changed",
        "echo 'zz:x:4242:4242::/:/bin/false' >> /etc/passwd",
        "cp /etc/passwd /tmp/passwd; echo 'zz:x:4242:4242::/:/bin/false' >> /tmp/passwd",
    ),
    case("group-changed", "echo 'zz:x:4242:' >> /etc/group", "cp /etc/group /tmp/group"),
    case(
        "module-autoload",
        "mkdir -p /etc/modules-load.d; echo '# none' > /etc/modules-load.d/zz.conf",
        "ls /etc/modules-load.d; echo '# none' > /tmp/modules",
    ),
    case(
        "package-manager-hook",
        "mkdir -p /etc/apt/apt.conf.d; echo '// none' > /etc/apt/apt.conf.d/99zz",
        "cat /etc/apt/apt.conf.d/*",
    ),
    case(
        "python-startup",
        "mkdir -p /usr/local/lib/zz; echo pass > /usr/local/lib/zz/sitecustomize.py",
        "echo pass > /tmp/customize.py",
    ),
    case(
        "web-shell",
        "mkdir -p /var/www/html; echo '<?php ?>' > /var/www/html/zz.php",
        "mkdir -p /var/www/html; echo '<p>' > /var/www/html/zz.html; echo '<?php ?>' > /tmp/zz.php",
    ),
    case("system-program-replaced", "cp /bin/true /usr/bin/zz-tool", "cp /bin/true /usr/local/bin/zz-tool"),
];
