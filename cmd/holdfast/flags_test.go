package main

import (
	"strings"
	"testing"
)

// misuses are commands that can never do what they say. "" stands for an empty
// argument.
var misuses = map[string]string{
	`serve --data ""`:                                      `--data is empty`,
	`serve --decline-rate NaN`:                             `--decline-rate is a share from 0 to 1`,
	`serve --decline-rate 7`:                               `--decline-rate is a share from 0 to 1`,
	`serve --log-level x`:                                  `--log-level must be one of "debug","info","warn","error"`,
	`serve --log-rate=-1`:                                  `--log-rate is 0 or more`,
	`serve --addr 127.0.0.1:99999`:                         `ports are 0 to 65535`,
	`serve --addr :80x`:                                    `ports are 0 to 65535`,
	`serve --addr 127.0.0.1:abc`:                           `ports are 0 to 65535`,
	`serve --addr 127.0.0.1`:                               `write it as 127.0.0.1:8000`,
	`serve --engine memory --addr :8000`:                   `the memory engine keeps no API keys`,
	`serve --engine memory --require-keys`:                 `the memory engine keeps no API keys`,
	`serve --tls-key key.pem`:                              `both, or neither`,
	`order --engine memory`:                                `holdfast order would share nothing with the other services`,
	`inventory --engine memory`:                            `holdfast serve --engine memory`,
	`payment --engine memory`:                              `holdfast payment would share nothing with the other services`,
	`order --inventory-url 127.0.0.1:8001`:                 `--inventory-url 127.0.0.1:8001 lacks its scheme`,
	`order --payment-url nonsense`:                         `--payment-url "nonsense" is not the URL of a server`,
	`serve --engine aws --prefix 9`:                        `--prefix "9" is not a letter and at most 39`,
	`audit --engine aws --prefix a_b`:                      `--prefix "a_b" is not a letter and at most 39`,
	`load --engine aws --prefix a_b`:                       `--prefix "a_b" is not a letter and at most 39`,
	`keys list --prefix ""`:                                `--prefix "" is not a letter`,
	`setup --engine memory`:                                `the memory engine keeps nothing to set up`,
	`setup --no-deletion-protection`:                       `leave them out, or give --engine aws`,
	`setup --engine memory --alarm-topic x`:                `leave them out, or give --engine aws`,
	`serve --metrics statsd`:                               `--metrics must be one of "prometheus","emf"`,
	`cost --url 127.0.0.1:8000`:                            `write it as http://127.0.0.1:8000`,
	`load --engine memory`:                                 `--engine must be one of "sqlite","aws"`,
	`order --hold 1ms`:                                     `--hold and --sweep are at least`,
	`payment --decline-rate 2`:                             `--decline-rate is a share from 0 to 1`,
	`inventory --addr nonsense`:                            `write it as 127.0.0.1:8000`,
	`keys create "" --scope ops`:                           `<name> is empty`,
	`keys create no/name --scope ops`:                      `names match`,
	`keys create local --scope ops`:                        `the caller of requests without a key`,
	`keys create shop`:                                     `missing flags: --scope`,
	`keys create shop --scope orders,magic`:                `there is no scope "magic"; there are orders, inventory, ops`,
	`keys list --engine memory`:                            `the memory engine keeps no API keys`,
	`keys revoke ""`:                                       `<name> is empty`,
	`dlq redrive order`:                                    `name the messages to redrive, or give --all`,
	`dlq show order ""`:                                    `<id> is empty`,
	`dlq show cellar x`:                                    `must be one of`,
	`stock list --api-key ""`:                              `--api-key is empty`,
	`stock adjust A --delta x`:                             `must be a whole number, not "x"`,
	`stock adjust A --delta 1 --id ""`:                     `--id is empty`,
	`load --split --url http://127.0.0.1:1`:                `give one of the two`,
	`serve --stock ""`:                                     `--stock is empty`,
	`load --slow NaN`:                                      `--slow is a share from 0 to 1`,
	`load --url 127.0.0.1:8101`:                            `write it as http://127.0.0.1:8101`,
	`stock list --url 127.0.0.1:8101`:                      `write it as http://127.0.0.1:8101`,
	`stock list --url ftp://127.0.0.1`:                     `is not the URL of a server`,
	`orders place --user u --item A=1 --key ""`:            `--key is empty`,
	`orders place --user u --item A=1 --order-id ""`:       `--order-id is empty`,
	`orders place --user u --item A=1 --payment-method ""`: `--payment-method is empty`,
	`orders place --user "" --item A=1`:                    `--user is empty`,
	`orders list --status ""`:                              `--status is empty`,
	`orders show ""`:                                       `<id> is empty`,
	`orders cancel ""`:                                     `<id> is empty`,
	`orders refund ""`:                                     `<id> is empty`,
	`stock show ""`:                                        `<sku> is empty`,
	`stock set "" --on-hand 1`:                             `<sku> is empty`,
	`stock set A --on-hand 1 --if-match ""`:                `--if-match is empty`,
}

func TestMisuseExitsTwoAndSaysWhatIsWrong(t *testing.T) {
	for command, want := range misuses {
		t.Run(command, func(t *testing.T) {
			t.Chdir(t.TempDir())
			args := strings.Fields(command)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], `""`, "")
			}
			out, err := holdfast(t, args...)
			if exitStatus(err) != exitMisused || !strings.Contains(out, want) {
				t.Errorf("exit %d, want 2 and %q:\n%s", exitStatus(err), want, out)
			}
		})
	}
}

func TestAnEmptyTwinInTheEnvironmentIsMisuse(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOLDFAST_DATA", "")
	out, err := holdfast(t, "serve", "--addr", "127.0.0.1:0")
	if exitStatus(err) != exitMisused || !strings.Contains(out, "--data is empty") {
		t.Errorf("%v\n%s", err, out)
	}
}
