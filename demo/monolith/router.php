<?php
/**
 * The monolith: channels, users and statistics as a PHP application of fifteen years gives them.
 *
 * Numbers and booleans are strings, an empty map is [], failures answer 200. PHP's own server runs it in
 * several processes, so what changes (counts, who follows whom) is in files below DEMO_STATE.
 */

declare(strict_types=1);

require __DIR__ . '/state.php';
require __DIR__ . '/pages.php';
require __DIR__ . '/session.php';

$path = rawurldecode((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$method = $_SERVER['REQUEST_METHOD'];

if ($path === '/__stats') {
    if ($method === 'POST' || $method === 'DELETE') {
        reset_counts();
    }
    send_json(read_counts());
    return true;
}

count_request($method . ' ' . $path . (isset($_GET['ids']) ? '?ids' : ''));
$latency = $_GET['latency_ms'] ?? $_SERVER['HTTP_X_DEMO_LATENCY_MS']
    ?? (getenv('DEMO_MONOLITH_LATENCY_MS') ?: (getenv('DEMO_LATENCY_MS') ?: '0'));
if (is_string($latency) && ctype_digit($latency)) {
    usleep(1000 * min((int) $latency, 60000));
}

// One constant array, which opcache shares between the workers.
$data = require getenv('DEMO_DATA') . '/monolith.php';

match ("$method $path") {
    'GET /channels' => channels_page($data),
    'GET /channel' => channel_page($data),
    'GET /channel_profiles' => profiles_page($data),
    'GET /channel_stats' => channel_stats_page($data),
    'GET /video_stats' => video_stats_page($data),
    'GET /users' => users_page($data),
    'GET /me' => me_page($data),
    'POST /login' => login_page($data),
    'POST /logout' => logout_page(),
    'POST /follow' => follow_page($data, true),
    'POST /unfollow' => follow_page($data, false),
    default => fail('NO_SUCH_PAGE', "There is no page $method $path."),
};
return true;
