<?php
session_start();
echo json_encode(isset($_SESSION['name']) ? ['name' => $_SESSION['name']] : false);
