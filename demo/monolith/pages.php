<?php
/** The pages. Each sends its answer; none throws. */

declare(strict_types=1);

function send_json(array $answer): void
{
    header('Content-Type: application/json');
    echo json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
}

/** The legacy's failures have status 200: who wants to know looks for "error". */
function fail(string $code, string $message): void
{
    send_json(['error' => ['code' => $code, 'message' => $message]]);
}

/** The rows that ids[]=…&ids[]=… asks for, in the order asked; unknown ids have none. */
function asked_rows(array $table): array
{
    $ids = $_GET['ids'] ?? [];
    $rows = [];
    foreach (is_array($ids) ? $ids : explode(',', $ids) as $id) {
        if (is_string($id) && isset($table[$id])) {
            $rows[$id] = $table[$id];
        }
    }
    return array_values($rows);
}

function channel_row(array $row): array
{
    return array_intersect_key($row, array_flip(['id', 'name', 'display_name', 'verified', 'owner_id']));
}

function channels_page(array $data): void
{
    send_json(['result' => array_map('channel_row', asked_rows($data['channels']))]);
}

function channel_page(array $data): void
{
    $row = $data['channels'][(string) ($_GET['id'] ?? '')] ?? null;
    if ($row === null && isset($_GET['name'])) {
        $names = array_column($data['channels'], 'id', 'name');
        $row = $data['channels'][$names[(string) $_GET['name']] ?? ''] ?? null;
    }
    if ($row === null) {
        fail('NO_SUCH_CHANNEL', 'There is no such channel.');
        return;
    }
    send_json(['channel' => channel_row($row)]);
}

/** The oldest page of all: latin-1, and a map without entries is PHP's empty array. */
function profiles_page(array $data): void
{
    $columns = array_flip(['id', 'description', 'country', 'links']);
    $rows = array_map(fn (array $row) => array_intersect_key($row, $columns), asked_rows($data['channels']));
    header('Content-Type: application/json; charset=ISO-8859-1');
    echo iconv('UTF-8', 'ISO-8859-1', json_encode(['result' => $rows], JSON_UNESCAPED_UNICODE));
}

function channel_stats_page(array $data): void
{
    $follows = read_follows();
    $stats = [];
    foreach (asked_rows($data['channels']) as $row) {
        $stats[] = [
            'id' => $row['id'],
            'subscribers' => (string) ((int) $row['subscribers'] + count($follows[$row['id']] ?? [])),
            'views' => $row['views'],
        ];
    }
    send_json(['result' => $stats]);
}

function video_stats_page(array $data): void
{
    send_json(['result' => asked_rows($data['videos'])]);
}

/** Made for another PHP application, hence its own format. */
function users_page(array $data): void
{
    header('Content-Type: application/vnd.php.serialized');
    echo serialize(['result' => asked_rows($data['users'])]);
}

/** A form: follow[channel]=c1&follow[user]=u1. */
function follow_page(array $data, bool $wanted): void
{
    $form = is_array($_POST['follow'] ?? null) ? $_POST['follow'] : [];
    $channel = (string) ($form['channel'] ?? '');
    $user = (string) ($form['user'] ?? '');
    if (!isset($data['channels'][$channel])) {
        fail('NO_SUCH_CHANNEL', 'There is no such channel.');
        return;
    }
    if (!isset($data['users'][$user])) {
        fail('NO_SUCH_USER', 'There is no such user.');
        return;
    }
    $follows = with_follows(function (array $follows) use ($channel, $user, $wanted): array {
        unset($follows[$channel][$user]);
        if ($wanted) {
            $follows[$channel][$user] = '1';
        }
        return $follows;
    });
    send_json([
        'ok' => '1',
        'channel' => channel_row($data['channels'][$channel]),
        'following' => $wanted ? '1' : '0',
        'subscribers' => (string) ((int) $data['channels'][$channel]['subscribers'] + count($follows[$channel] ?? [])),
    ]);
}
