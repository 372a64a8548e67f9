<?php
/** Who is logged in: PHP's own sessions, their cookie, and their files below DEMO_STATE. */

declare(strict_types=1);

const SESSION = [
    'name' => 'DEMOSESSION',
    'cookie_httponly' => true,
    'cookie_samesite' => 'Lax',
    'use_strict_mode' => true,
    'cache_limiter' => 'nocache',
];
const PASSWORD = 'demo';

function open_session(array $more = []): void
{
    $folder = getenv('DEMO_STATE') . '/sessions';
    if (!is_dir($folder)) {
        @mkdir($folder, 0700);  // another worker may do the same
    }
    session_start(['save_path' => $folder, ...SESSION, ...$more]);
}

function login_page(array $data): void
{
    $row = $data['users'][(string) ($_POST['user'] ?? '')] ?? null;
    if ($row === null || ($_POST['password'] ?? '') !== PASSWORD) {
        fail('WRONG_PASSWORD', 'There is no such user, or the password is another.');
        return;
    }
    open_session();
    session_regenerate_id(true);  // a session from before the login is nobody's
    $_SESSION['user'] = $row['id'];
    session_write_close();
    send_json(['user' => $row]);
}

/** A reader begins no session, and holds no lock on the one that there is. */
function me_page(array $data): void
{
    $row = null;
    if (isset($_COOKIE[SESSION['name']])) {
        open_session(['read_and_close' => true, 'use_cookies' => true]);
        $row = $data['users'][$_SESSION['user'] ?? ''] ?? null;
    }
    send_json(['user' => $row]);
}

function logout_page(): void
{
    open_session();
    $_SESSION = [];
    session_destroy();
    setcookie(SESSION['name'], '', ['expires' => 1, 'path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
    send_json(['ok' => '1']);
}
