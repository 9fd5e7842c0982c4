package deploy_test

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"holdfast/deploy"
)

// dockerBuild is the Dockerfile's command for the binary, but for where it goes.
var dockerBuild = regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 GOOS=\$TARGETOS GOARCH=\$TARGETARCH (go build .*) -o /holdfast (\S+)$`)

// buildAsDocker builds the binary of a tree as the Dockerfile does.
func buildAsDocker(t *testing.T, tree string) (binary string) {
	t.Helper()
	m := dockerBuild.FindStringSubmatch(read(t, "../Dockerfile"))
	if m == nil {
		t.Fatal("the Dockerfile does not build the binary in a line of its own")
	}
	binary = filepath.Join(t.TempDir(), "holdfast")
	cmd := exec.Command("sh", "-ec", m[1]+` -o "$BINARY" `+m[2])
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "COMMIT=abc1234", "BINARY="+binary)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building as the Dockerfile does: %v\n%s", err, out)
	}
	return binary
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// copyTree copies the sources elsewhere, without what is built and kept in them.
func copyTree(t *testing.T, from string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{".git", "build", "data"}, d.Name()) || strings.HasPrefix(d.Name(), "data-")) {
			return fs.SkipDir
		}
		to := filepath.Join(dir, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheImagesBinaryIsStaticAndTheSameWhereverItIsBuilt(t *testing.T) {
	t.Parallel()
	sources := copyTree(t, "..")
	here, there := buildAsDocker(t, sources), buildAsDocker(t, copyTree(t, sources))
	if sha256.Sum256([]byte(read(t, here))) != sha256.Sum256([]byte(read(t, there))) {
		t.Error("the same sources give another binary in another folder")
	}
	file, err := elf.Open(here)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static")
		}
	}
	t.Run("commands of the containers", func(t *testing.T) {
		for _, c := range containers(t) {
			checkCommand(t, here, c)
		}
	})
}

// container is a container of Holdfast as compose.yaml or fargate.yaml has it.
type container struct {
	name    string
	command []string // without the binary
	health  []string // without the binary; none: it has no check
}

// checkCommand has the binary read the command without running it: --help at its
// end shows the help, unless there is something that the command does not know.
func checkCommand(t *testing.T, binary string, c container) {
	t.Helper()
	for _, args := range [][]string{c.command, c.health} {
		if len(args) == 0 {
			continue
		}
		if out, err := exec.Command(binary, append(slices.Clone(args), "--help")...).CombinedOutput(); err != nil {
			t.Errorf("%s: holdfast %s: %v: %s", c.name, strings.Join(args, " "), err, out)
		}
	}
	if out, err := exec.Command(binary, append(slices.Clone(c.command), "--nonsense", "--help")...).CombinedOutput(); err == nil {
		t.Errorf("%s: the command is not read at all: %s", c.name, out)
	}
	if c.command[0] != "setup" && (len(c.health) == 0 || c.health[0] != "health") {
		t.Errorf("%s has no health check", c.name)
	}
}

// containers are those of both files.
func containers(t *testing.T) (all []container) {
	t.Helper()
	for name, s := range composed(t).Services {
		if s.Image == "holdfast" {
			all = append(all, container{"compose " + name, s.Command, afterBinary(t, name, s.Healthcheck.Test)})
		}
	}
	for id, r := range parse(t, deploy.Fargate).all("AWS::ECS::TaskDefinition") {
		definitions, _ := json.Marshal(r.Properties["ContainerDefinitions"])
		var parsed []struct {
			Command     []string
			HealthCheck struct{ Command []string }
		}
		if err := json.Unmarshal(definitions, &parsed); err != nil || len(parsed) != 1 {
			t.Fatalf("%s: %v, with %d containers", id, err, len(parsed))
		}
		all = append(all, container{"fargate " + id, filled(parsed[0].Command), afterBinary(t, id, parsed[0].HealthCheck.Command)})
	}
	if len(all) != 7 {
		t.Fatalf("there are %d containers; want four of compose.yaml and three of fargate.yaml", len(all))
	}
	return all
}

// filled puts something in the place of the template's parameters.
func filled(command []string) (args []string) {
	for _, a := range command {
		if a == "Prefix" {
			a = "holdfast"
		}
		args = append(args, strings.ReplaceAll(a, "${Prefix}", "holdfast"))
	}
	return args
}

func afterBinary(t *testing.T, name string, check []string) []string {
	t.Helper()
	if len(check) == 0 {
		return nil
	}
	if len(check) < 3 || check[0] != "CMD" || check[1] != "/holdfast" {
		t.Fatalf("%s has the health check %q, for which the image has no program", name, check)
	}
	return check[2:]
}

// compose is what is read of compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Ports       []string
		Depends     map[string]struct{ Condition string } `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
		Volumes     []string
	}
}

func composed(t *testing.T) (c compose) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "../compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposeStartsTheServicesOnceAllIsSetUp(t *testing.T) {
	services := composed(t).Services
	if c := services["setup"].Depends["emulator"].Condition; c != "service_healthy" || len(services["emulator"].Healthcheck.Test) == 0 {
		t.Errorf("setup starts with the emulator %q", c)
	}
	for _, name := range []string{"order", "inventory", "payment"} {
		s := services[name]
		if c := s.Depends["setup"].Condition; c != "service_completed_successfully" {
			t.Errorf("%s starts with setup %q", name, c)
		}
		if len(s.Command) == 0 || s.Command[0] != name || s.Environment["HOLDFAST_ENGINE"] != "aws" || s.Environment["AWS_ENDPOINT_URL"] != "http://emulator:4566" {
			t.Errorf("%s runs %q with %v", name, s.Command, s.Environment)
		}
	}
	for name, s := range services {
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") || name != "order" {
				t.Errorf("%s publishes %s; only this machine is to reach the order service, and nobody the others", name, p)
			}
		}
	}
	requirements, _, _ := strings.Cut(fmt.Sprint(services["emulator"].Volumes[0]), ":")
	if _, err := os.Stat(filepath.Join("..", requirements)); err != nil {
		t.Error("the emulator installs from a file that is not there:", err)
	}
}

func TestTheImageRunsAsNobody(t *testing.T) {
	text := read(t, "../Dockerfile")
	for _, line := range []string{"FROM gcr.io/distroless/static-debian12:nonroot", "USER 65532:65532", `ENTRYPOINT ["/holdfast"]`} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("the Dockerfile has no line %q", line)
		}
	}
}
