package kubernetes_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// restricted is what the admission of a restricted namespace says to a pod; empty
// when it is let in.
func restricted(t *testing.T, pod corev1.PodTemplateSpec) string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	return result.ForbiddenDetail()
}

func TestPodSecurity(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		for _, d := range every[appsv1.Deployment](t, all, "Deployment") {
			if why := restricted(t, d.Spec.Template); why != "" {
				t.Errorf("%s: %s", d.Name, why)
			}
			spec := d.Spec.Template.Spec
			if *spec.AutomountServiceAccountToken || *spec.EnableServiceLinks {
				t.Errorf("%s has a token of the API server, or the variables of Services", d.Name)
			}
			for _, c := range spec.Containers {
				if !*c.SecurityContext.ReadOnlyRootFilesystem || c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: container %s may write, or use all memory of the node", d.Name, c.Name)
				}
			}
		}
	})
}

// TestNothingIsPulled: a node without the image asked Docker Hub for one of that name,
// which is nobody's that is known.
func TestNothingIsPulled(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		if c := decoded(t, all).container(); c.Image != "idpool" || c.ImagePullPolicy != corev1.PullNever {
			t.Errorf("the image %q is pulled %s", c.Image, c.ImagePullPolicy)
		}
	})
}

// TestPodSecurityRefuses takes one thing away at a time.
func TestPodSecurityRefuses(t *testing.T) {
	whole := decode[appsv1.Deployment](t, named(t, build(t, "base"), "Deployment", "idpool")).Spec.Template
	for want, change := range map[string]func(*corev1.PodSpec){
		`runAsNonRoot != true (pod or container "idpool" must set securityContext.runAsNonRoot=true)`: func(p *corev1.PodSpec) {
			p.SecurityContext.RunAsNonRoot = nil
		},
		`seccompProfile (pod or container "idpool" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`: func(p *corev1.PodSpec) {
			p.SecurityContext.SeccompProfile = nil
		},
		`unrestricted capabilities (container "idpool" must set securityContext.capabilities.drop=["ALL"])`: func(p *corev1.PodSpec) {
			p.Containers[0].SecurityContext.Capabilities = nil
		},
		`allowPrivilegeEscalation != false (container "idpool" must set securityContext.allowPrivilegeEscalation=false)`: func(p *corev1.PodSpec) {
			p.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
		},
		`host namespaces (hostNetwork=true)`: func(p *corev1.PodSpec) { p.HostNetwork = true },
	} {
		pod := *whole.DeepCopy()
		change(&pod.Spec)
		if got := restricted(t, pod); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
