"""URI schemes that are not app callbacks: opening them runs, installs, renders or sends something.

Windows, macOS, Linux desktops, Android and browsers pass such a URI to a handler of their own. A redirect to
it starts that handler with text that a stranger chose (RFC 9700 §4.11, RFC 8252 §7.1). All other schemes are
private-use schemes and stay allowed: `cursor:`, `vscode:`, `com.example.app:`.
"""

from __future__ import annotations

import re

_RUN_BY_BROWSERS = "javascript vbscript livescript mocha data blob filesystem jar wyciwyg mhtml feed pcast"
_OF_BROWSERS = (
    "about chrome chrome-error chrome-extension chrome-native chrome-search chrome-untrusted"
    " devtools edge brave opera vivaldi resource view-source moz-extension moz-icon safari-extension"
    " safari-web-extension safari-resource isolated-app extension googlechrome googlechromes firefox"
    " firefox-focus"
)
_FILES = (
    "file content cid mid res mk its local package archive zip tar trash recent computer network"
    " fonts admin applications programs desktop settings systemsettings burn gphoto2 mtp remote"
)
_OF_WINDOWS = (
    "shell search search-ms hcp help ldap ldaps conf callto insthost onenote onenote-cmd outlook"
    " outlookcal outlookmail outlookaccounts stssync mapi windowsdefender winrt read zune wmp11"
    " explorer.assocactionid.zipselection explorer.burnselection explorer.erasedisc"
    " explorer.zipselection ie.http ie.https ie.ftp ie.file bingmaps bingweather xbox xboxgames"
    " xboxliveapp-1297287741 tn3270 tip microsoft.windows.camera.picker"
)
_OF_APPLE = (
    "applescript com.apple.automator shortcuts workflow x-man-page x-help-action x-coredata"
    " x-callback-url itms itms-app itms-apps itms-appss itms-books itms-bookss itms-services itmss"
    " macappstore macappstores appstore facetime facetime-audio facetime-open imessage ichat message"
    " messages addressbook prefs app-prefs app-settings activitymonitor dict"
)
_OF_LINUX = (
    "apt aptitude apturl appstream snap flatpak flatpak+http flatpak+https ghelp gnome-help man info"
    " kdeconnect kioexec exec fish"
)
_OF_ANDROID = "intent android-app android.resource market amzn samsungapps appmarket"
_INSTALL_OR_START = (
    "jnlp jnlps steam com.epicgames.launcher uplay origin origin2 battlenet riotclient roblox"
    " roblox-player goggalaxy minecraft docker-desktop github-windows x-github-client sourcetree"
    " gitkraken appx"
)
_REMOTE = (
    "ssh sftp scp telnet rlogin rsh rexec vnc rdp rdps spice mosh smb smbs cifs afp nfs dav davs"
    " webdav webdavs ftp ftps tftp rsync git svn svn+ssh teamviewer8 teamviewer10 teamviewerapi"
    " anydesk rustdesk"
)
_MESSAGES_AND_CALLS = (
    "mailto tel sms smsto mms mmst mmsu mmsh mmsto sip sips skype news snews nntp irc ircs irc6 xmpp"
    " webcal webcals geo maps voicemail"
)
_ACTS = "magnet ed2k bitcoin bitcoincash ethereum lightning lnurl upi otpauth otpauth-migration fido wifi lpa"
_OTHER_PROTOCOLS = (
    "ws wss gopher wais rtsp rtsps rtmp rtmps ipp ipps ipfs ipns dweb view-data cdl z39.50r z39.50s"
)

UNSAFE = frozenset(
    " ".join(
        (
            *(_RUN_BY_BROWSERS, _OF_BROWSERS, _FILES, _OF_WINDOWS, _OF_APPLE, _OF_LINUX, _OF_ANDROID),
            *(_INSTALL_OR_START, _REMOTE, _MESSAGES_AND_CALLS, _ACTS, _OTHER_PROTOCOLS),
        )
    ).split()
)

# Families: Windows and Office components (ms-officecmd, ms-word), Apple's own, internal pages of browsers,
# and schemes that any web site or extension may claim (HTML §8.3.1.1, `ext+` in Firefox). A single letter is
# a Windows drive.
_FAMILIES = re.compile(
    r"ms-|microsoft-|microsoft\.|windows\.|x-apple|x-ms-|x-msdt|chrome-|moz-|safari-|webkit-|about\+|web\+"
    r"|ext\+|itms|teamviewer|x-terminal|.\Z",
)


def is_unsafe(scheme: str) -> bool:
    """Check whether redirects to this scheme, given in lower case, are forbidden."""
    return scheme in UNSAFE or _FAMILIES.match(scheme) is not None
