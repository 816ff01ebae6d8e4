package kubernetes_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// whole is a build, decoded, with the one Deployment that it has.
type whole struct {
	deployment appsv1.Deployment
	services   []corev1.Service
	policies   []networkingv1.NetworkPolicy
	budgets    []policyv1.PodDisruptionBudget
	configs    []corev1.ConfigMap
}

func decoded(t *testing.T, all []object) whole {
	t.Helper()
	return whole{
		deployment: decode[appsv1.Deployment](t, named(t, all, "Deployment", "idpool")),
		services:   every[corev1.Service](t, all, "Service"),
		policies:   every[networkingv1.NetworkPolicy](t, all, "NetworkPolicy"),
		budgets:    every[policyv1.PodDisruptionBudget](t, all, "PodDisruptionBudget"),
		configs:    every[corev1.ConfigMap](t, all, "ConfigMap"),
	}
}

// container is the one of the pod.
func (w whole) container() corev1.Container { return w.deployment.Spec.Template.Spec.Containers[0] }

// port is a container's port by its name; 0 for none.
func (w whole) port(name string) int32 {
	for _, p := range w.container().Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	return 0
}

// faults are what the API server takes and what does not work all the same,
// because one object does not fit another.
func (w whole) faults() []string {
	return slices.Concat(w.selectorFaults(), w.serviceFaults(), w.policyFaults(), w.referenceFaults(), w.endFaults())
}

// selectorFaults are selectors that select no pod.
func (w whole) selectorFaults() (faults []string) {
	pod := labels.Set(w.deployment.Spec.Template.Labels)
	check := func(what string, s *metav1.LabelSelector) {
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err != nil || selector.Empty() || !selector.Matches(pod) {
			faults = append(faults, fmt.Sprintf("%s selects %v, and the pod has %v", what, selector, pod))
		}
	}
	check("the Deployment", w.deployment.Spec.Selector)
	for _, s := range w.services {
		check("Service "+s.Name, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
	}
	for _, p := range w.policies {
		check("NetworkPolicy "+p.Name, &p.Spec.PodSelector)
	}
	for _, b := range w.budgets {
		check("PodDisruptionBudget "+b.Name, b.Spec.Selector)
	}
	for _, c := range w.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		check("a topologySpreadConstraint", c.LabelSelector)
	}
	return faults
}

// serviceFaults are ports that lead nowhere, or to where they must not.
func (w whole) serviceFaults() (faults []string) {
	served := map[string]bool{}
	for _, s := range w.services {
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer && (len(s.Spec.LoadBalancerSourceRanges) == 0 || slices.ContainsFunc(s.Spec.LoadBalancerSourceRanges, wide)) {
			faults = append(faults, fmt.Sprintf("Service %s lets everybody in, by %q", s.Name, s.Spec.LoadBalancerSourceRanges))
		}
		for _, p := range s.Spec.Ports {
			target := p.TargetPort.StrVal
			served[target] = true
			if w.port(target) != p.Port { // equal, so that a URL and a broker's address hold in the pod too
				faults = append(faults, fmt.Sprintf("Service %s: port %d leads to port %q, which is %d", s.Name, p.Port, target, w.port(target)))
			}
			if (target == "admin") != (s.Name == "idpool-admin") || target == "admin" && s.Spec.Type != corev1.ServiceTypeClusterIP {
				faults = append(faults, fmt.Sprintf("Service %s, %s: has port %q", s.Name, s.Spec.Type, target))
			}
		}
	}
	for _, p := range w.container().Ports {
		if wrong := validation.IsValidPortName(p.Name); len(wrong) > 0 || !served[p.Name] {
			faults = append(faults, fmt.Sprintf("port %q of the container: %v, in a Service: %t", p.Name, wrong, served[p.Name]))
		}
	}
	return faults
}

// wide says whether a range has more addresses than any network of one's own: the
// widest of those is fc00::/7.
func wide(cidr string) bool {
	prefix, err := netip.ParsePrefix(cidr)
	return err != nil || prefix.Bits() < 7
}

// everybody says whether a peer of a NetworkPolicy is the internet, or every pod of
// the cluster.
func everybody(peer networkingv1.NetworkPolicyPeer) bool {
	if peer.IPBlock != nil {
		return wide(peer.IPBlock.CIDR)
	}
	pods, err := metav1.LabelSelectorAsSelector(peer.PodSelector)
	namespaces, wrong := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	return err != nil || wrong != nil || (peer.PodSelector == nil || pods.Empty()) && (peer.NamespaceSelector == nil || namespaces.Empty())
}

// policyFaults are ports that a NetworkPolicy keeps shut, or lets in by a name
// that there is not.
func (w whole) policyFaults() (faults []string) {
	open := map[string]bool{}
	for _, p := range w.policies {
		for _, rule := range p.Spec.Ingress {
			if len(rule.From) == 0 || len(rule.Ports) == 0 || slices.ContainsFunc(rule.From, everybody) {
				faults = append(faults, fmt.Sprintf("NetworkPolicy %s lets everybody in, or into every port: %s", p.Name, rule.String()))
			}
			for _, to := range rule.Ports {
				open[to.Port.StrVal] = true
				if w.port(to.Port.StrVal) == 0 {
					faults = append(faults, fmt.Sprintf("NetworkPolicy %s opens %q, which the container has not", p.Name, to.Port))
				}
			}
		}
	}
	for _, p := range w.container().Ports {
		if !open[p.Name] {
			faults = append(faults, fmt.Sprintf("no NetworkPolicy opens %q", p.Name))
		}
	}
	return faults
}

// referenceFaults are ConfigMaps that are not built, and Secrets that nobody is
// told to make.
func (w whole) referenceFaults() (faults []string) {
	built := []string{}
	for _, c := range w.configs {
		built = append(built, c.Name)
	}
	need := func(name string, there []string) {
		if !slices.ContainsFunc(there, func(one string) bool { return name == one || strings.HasPrefix(name, one+"-") }) {
			faults = append(faults, fmt.Sprintf("the pod needs %q, and there is %q", name, there))
		}
	}
	for _, from := range w.container().EnvFrom {
		need(from.ConfigMapRef.Name, built)
	}
	for _, v := range w.deployment.Spec.Template.Spec.Volumes {
		switch {
		case v.ConfigMap != nil:
			need(v.ConfigMap.Name, built)
		case v.Secret != nil:
			need(v.Secret.SecretName, []string{"idpool-ca"})
		}
	}
	for _, e := range w.container().Env {
		if e.ValueFrom != nil {
			need(e.ValueFrom.SecretKeyRef.Name, []string{"idpool-admin"})
		}
	}
	return faults
}

// drained is how long requests under way may take when serve is told to end.
const drained = 5

// endFaults are pods that are killed before they have ended.
func (w whole) endFaults() []string {
	spec := w.deployment.Spec.Template.Spec
	if left := *spec.TerminationGracePeriodSeconds - w.container().Lifecycle.PreStop.Sleep.Seconds; left < 2*drained {
		return []string{fmt.Sprintf("the pod has %d s to end", left)}
	}
	return nil
}

func TestObjectsFit(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		for _, fault := range decoded(t, all).faults() {
			t.Error(fault)
		}
	})
}

// TestObjectsThatDoNotFit changes one object of a build that fits.
func TestObjectsThatDoNotFit(t *testing.T) {
	for want, change := range map[string]func(*whole){
		"Service idpool selects app.kubernetes.io/name=idpol, and the pod has": func(w *whole) {
			w.services[0].Spec.Selector = map[string]string{"app.kubernetes.io/name": "idpol"}
		},
		"PodDisruptionBudget idpool selects": func(w *whole) { w.budgets[0].Spec.Selector.MatchLabels = nil },
		"NetworkPolicy idpool selects":       func(w *whole) { w.policies[0].Spec.PodSelector.MatchLabels["app"] = "idpool" },
		`port 8080 leads to port "web", which is 0`: func(w *whole) {
			w.services[0].Spec.Ports[0].TargetPort.StrVal = "web"
		},
		`port 80 leads to port "http", which is 8080`: func(w *whole) { w.services[0].Spec.Ports[0].Port = 80 },
		`idpool, : has port "admin"`: func(w *whole) {
			w.services[0].Spec.Ports[0].TargetPort.StrVal = "admin"
		},
		`opens "http", which the container has not`: func(w *whole) {
			w.deployment.Spec.Template.Spec.Containers[0].Ports[0].Name = "web"
		},
		`no NetworkPolicy opens "https"`: func(w *whole) {
			w.policies[0].Spec.Ingress[0].Ports = w.policies[0].Spec.Ingress[0].Ports[:1]
		},
		"NetworkPolicy idpool lets everybody in": func(w *whole) { w.policies[0].Spec.Ingress[0].From = nil },
		"CIDR:0.0.0.0/0,": func(w *whole) {
			w.policies[0].Spec.Ingress[0].From[0] = networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0"}}
		},
		"CIDR:::/0,": func(w *whole) {
			w.policies[0].Spec.Ingress[0].From[1] = networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "::/0"}}
		},
		"CIDR:128.0.0.0/1,": func(w *whole) {
			w.policies[0].Spec.Ingress[0].From[1] = networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "128.0.0.0/1"}}
		},
		"NetworkPolicy idpool lets everybody in, or into every port: &NetworkPolicyIngressRule{": func(w *whole) {
			w.policies[0].Spec.Ingress[0].From[1].NamespaceSelector.MatchLabels = nil
		},
		"Service idpool lets everybody in, by []": func(w *whole) { w.services[0].Spec.Type = corev1.ServiceTypeLoadBalancer },
		`Service idpool lets everybody in, by ["10.0.0.0/8" "0.0.0.0/0"]`: func(w *whole) {
			w.services[0].Spec.Type = corev1.ServiceTypeLoadBalancer
			w.services[0].Spec.LoadBalancerSourceRanges = []string{"10.0.0.0/8", "0.0.0.0/0"}
		},
		`the pod needs "idpool-config-`:       func(w *whole) { w.configs[0].Name, w.configs[1].Name = "a", "b" },
		`the pod needs "tls", and there is`:   func(w *whole) { w.deployment.Spec.Template.Spec.Volumes[1].Secret.SecretName = "tls" },
		"the pod has 3 s to end":              func(w *whole) { *w.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds = 8 },
		`port "Http" of the container: [must`: func(w *whole) { w.deployment.Spec.Template.Spec.Containers[0].Ports[0].Name = "Http" },
	} {
		w := decoded(t, build(t, "base"))
		change(&w)
		if got := strings.Join(w.faults(), "\n"); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestOutsideIsOnesOwnNetworks: who reaches the gateway opens the real Kafka, since
// idpool's keys are public. Load balancer and policy let in the same.
func TestOutsideIsOnesOwnNetworks(t *testing.T) {
	w := decoded(t, build(t, "overlays/gateway"))
	var balancer, policy []string
	for _, s := range w.services {
		balancer = append(balancer, s.Spec.LoadBalancerSourceRanges...)
	}
	for _, rule := range w.policies[0].Spec.Ingress {
		for _, peer := range rule.From {
			if peer.IPBlock != nil {
				policy = append(policy, peer.IPBlock.CIDR)
			}
		}
	}
	if len(balancer) == 0 || !slices.Equal(balancer, policy) {
		t.Errorf("the load balancer lets in %q, and the policy %q", balancer, policy)
	}
	for _, cidr := range balancer {
		if prefix, err := netip.ParsePrefix(cidr); err != nil || !prefix.Addr().IsPrivate() {
			t.Errorf("%s is not a network of one's own (%v)", cidr, err)
		}
	}
}

// TestAdminIsShut finds the admin listener only where it was asked for.
func TestAdminIsShut(t *testing.T) {
	eachFolder(t, func(t *testing.T, folder string, all []object) {
		w := decoded(t, all)
		opened := slices.ContainsFunc(w.services, func(s corev1.Service) bool { return s.Name == "idpool-admin" })
		if opened != (folder == "overlays/admin") || opened != (w.port("admin") != 0) {
			t.Errorf("the admin listener has a Service: %t, and a port: %d", opened, w.port("admin"))
		}
		if !opened && len(w.container().Env) > 0 {
			t.Errorf("variables beside the settings: %v", w.container().Env)
		}
	})
}

// TestReplicas knows how many of each there may be.
func TestReplicas(t *testing.T) {
	for folder, want := range map[string]int32{"base": 2, "overlays/gateway": 2, "overlays/embedded": 1, "overlays/admin": 1} {
		d := decoded(t, build(t, folder)).deployment
		oneAtATime := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && d.Spec.Strategy.RollingUpdate == nil
		if *d.Spec.Replicas != want || (want == 1) != oneAtATime {
			t.Errorf("%s: %d replicas, by %v", folder, *d.Spec.Replicas, d.Spec.Strategy)
		}
	}
}
