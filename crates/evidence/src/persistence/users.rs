//! The users of a file system, from its `/etc/passwd`.

use super::tree::Tree;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Home.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// All of them, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(pub Vec<User>);

impl Users {
    /// Reads `/etc/passwd` of `tree`. Root is always there.
    pub fn read(tree: &dyn Tree) -> Self {
        let text = tree.read("/etc/passwd").unwrap_or_default();
        let mut users: Vec<User> = String::from_utf8_lossy(&text).lines().filter_map(line).collect();
        if !users.iter().any(|user| user.uid == 0) {
            let word = String::from;
            users.insert(
                0,
                User { name: word("root"), uid: 0, gid: 0, home: word("/root"), shell: word("/bin/sh") },
            );
        }
        Users(users)
    }

    /// By name.
    pub fn named(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|user| user.name == name)
    }

    /// By id.
    pub fn by_id(&self, uid: u32) -> Option<&User> {
        self.0.iter().find(|user| user.uid == uid)
    }

    /// The user in whose home `path` lies, and the rest of the path.
    pub fn at_home<'p>(&self, path: &'p str) -> Option<(&User, &'p str)> {
        let inside = |user: &&User| {
            user.home.len() > 1
                && path.strip_prefix(user.home.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let user = self.0.iter().filter(inside).max_by_key(|user| user.home.len())?;
        Some((user, &path[user.home.len() + 1..]))
    }

    /// Those that a person logs in as: root, and ordinary users with a shell.
    pub fn people(&self) -> impl Iterator<Item = &User> {
        self.0.iter().filter(|user| {
            let shell = !["nologin", "false", "sync"].iter().any(|end| user.shell.ends_with(end));
            shell && (user.uid == 0 || (1000..60_000).contains(&user.uid))
        })
    }
}

/// One line of `/etc/passwd`.
pub(super) fn line(text: &str) -> Option<User> {
    let mut fields = text.split(':');
    let mut next = || fields.next();
    let (name, _password, uid, gid, _comment, home) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let shell = next().filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    Some(User {
        name: name.into(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.into(),
        shell: shell.into(),
    })
}
