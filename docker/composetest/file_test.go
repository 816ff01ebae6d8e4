package composetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// file is the compose file that is tested, from here.
const file = "../compose.yaml"

// load is the project of some profiles, as docker compose understands it. A key
// that the specification does not have is an error.
func load(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	configs := types.ToConfigFiles([]string{file})
	details := types.ConfigDetails{WorkingDir: "..", ConfigFiles: configs, Environment: types.Mapping{}}
	project, err := loader.LoadWithContext(t.Context(), details, loader.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestProfiles is what each profile runs. Without one nothing runs, so that
// nobody gets a profile that was not asked for.
func TestProfiles(t *testing.T) {
	for profile, want := range map[string][]string{
		"":         {},
		"embedded": {"client", "idpool"},
		"kafka":    {"gateway", "kafka", "kafka-client"},
		"azure":    {"azure", "azure-client"},
	} {
		if got := load(t, profile).ServiceNames(); !slices.Equal(got, want) {
			t.Errorf("profile %q has the services %v, want %v", profile, got, want)
		}
	}
}

// TestLocked is what no service may do.
func TestLocked(t *testing.T) {
	for name, s := range load(t, "*").Services {
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged || s.NetworkMode != "" {
			t.Errorf("%s drops %v and adds %v, privileged %v, network mode %q", name, s.CapDrop, s.CapAdd, s.Privileged, s.NetworkMode)
		}
		if !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s has the security options %v", name, s.SecurityOpt)
		}
		// apache/kafka writes to its own files.
		if s.ReadOnly == (name == "kafka") {
			t.Errorf("%s is read-only: %v", name, s.ReadOnly)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s on %q", name, port.Published, port.HostIP)
			}
		}
		for _, volume := range s.Volumes {
			if strings.HasSuffix(name, "client") && !volume.ReadOnly {
				t.Errorf("%s may write to %s", name, volume.Target)
			}
		}
	}
}

// TestHealth is that an application begins when idpool is ready.
func TestHealth(t *testing.T) {
	project := load(t, "*")
	for name, front := range map[string]string{"client": "idpool", "kafka-client": "gateway", "azure-client": "azure"} {
		if got := project.Services[name].DependsOn[front].Condition; got != types.ServiceConditionHealthy {
			t.Errorf("%s waits for %s on the condition %q", name, front, got)
		}
		check := project.Services[front].HealthCheck
		if check == nil || !slices.Equal(check.Test, types.HealthCheckTest{"CMD", "/idpool", "health"}) || check.Interval.String() != "1s" {
			t.Errorf("the health check of %s is %+v", front, check)
		}
	}
}

// TestAzureNames is that Azure's names mean idpool in one network only, which
// leads nowhere, and that nothing of it is at the host.
func TestAzureNames(t *testing.T) {
	project := load(t, "*")
	if !project.Networks["azure"].Internal {
		t.Error("the network azure has a way out")
	}
	for name, s := range project.Services {
		for network, attached := range s.Networks {
			has := attached != nil && slices.ContainsFunc(attached.Aliases, azures)
			if has != (name == "azure" && network == "azure") {
				t.Errorf("%s has Azure's names in the network %s: %v", name, network, has)
			}
		}
		if azures(s.Hostname) || azures(s.ContainerName) || azures(name) {
			t.Errorf("%s is called by a name of Azure's", name)
		}
		if _, on := s.Environment["IDPOOL_AZURE_NAMES"]; on != (name == "azure") {
			t.Errorf("%s has Azure's names switched on", name)
		}
	}
	azure := project.Services["azure"]
	want := []string{"login.microsoftonline.com", "login.windows.net", "sts.windows.net"}
	if got := azure.Networks["azure"].Aliases; !slices.Equal(got, want) {
		t.Errorf("the aliases are %v, want %v", got, want)
	}
	if len(azure.Networks) != 1 || len(azure.Ports) > 0 || len(project.Services["azure-client"].Ports) > 0 {
		t.Errorf("azure is in %d networks and publishes %v", len(azure.Networks), azure.Ports)
	}
	// The application is told nothing of where its tokens come from.
	for _, variable := range []string{"TOKEN_ENDPOINT", "CA_FILE"} {
		if project.Services["azure-client"].Environment[variable] != nil {
			t.Errorf("azure-client is told by %s", variable)
		}
	}
}

// azures says whether a name is Microsoft's.
func azures(name string) bool {
	return strings.Contains(name, "microsoft") || strings.Contains(name, "windows.net")
}
