module doorward.example/go_json

go 1.19
